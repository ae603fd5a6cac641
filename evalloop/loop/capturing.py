"""Capture: files, exports of other platforms and tables of a database become events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from evalloop.errors import UsageError
from evalloop.loop.evidence import open_log
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from evalloop.capture.crew import Recipe
    from evalloop.capture.importing import Captured, Watcher
    from evalloop.capture.mapping import MappingFile
    from evalloop.contracts import Platform, RawRow, Source
    from evalloop.store.sqlrows import Bookmark, Query

Consent = Mapping[str, Any]
MARK_S = 2.0
"""Seconds between two bookmarks: what a kill makes an import read again."""


@dataclass(frozen=True)
class Reading:
    """How the rows of a place are read: a mapping file or a platform's, its options, and the consent that events get
    which say nothing of it (``{"basis": ..., "purposes": [...]}``).

    ``query`` (a SELECT, or a table) makes the place the address of a database. With ``cursor``, a column of its rows
    that only grows, an import goes on where the last one stopped, unless ``restart``.
    """

    mapping: Path | None = None
    platform: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    consent: Consent | None = None
    query: str = ""
    cursor: str = ""
    restart: bool = False


def capture(project: Project, place: str, reading: Reading | Path | None = None, *, dry_run: bool = False,
            watcher: Watcher | None = None) -> Captured:
    """Imports the rows of a place as events; without a mapping file or platform the rows are events already.

    ``dry_run`` makes and checks the events but stores nothing.
    """
    from evalloop.capture.crew import import_into
    from evalloop.capture.importing import NOBODY, among_events

    how, watcher = reading if isinstance(reading, Reading) else Reading(reading), watcher or NOBODY
    if how.query:
        return _capture_table(project, place, how, watcher, dry_run=dry_run)
    rows = _source_of(project, place).rows(place)
    recipe = _recipe(project, how, dry_run=dry_run)
    if how.platform:
        rows = _platform(project, how.platform).rows(rows)
    if recipe.mapping is None:
        rows = among_events(rows, place)
    if dry_run:
        return _tried(rows, place, recipe, watcher)
    with open_log(project) as log:
        return import_into(log, rows, place, recipe, watcher)


def _tried(rows: Iterator[RawRow], place: str, recipe: Recipe, watcher: Watcher) -> Captured:
    """Events made and checked, none stored."""
    from evalloop.capture.importing import Watcher, import_rows
    from evalloop.store.events import Added

    make, columns, left_out = recipe.made()
    return import_rows(rows, place, make, lambda _: Added(), columns=columns, left_out=left_out, masker=recipe.masker,
                       watcher=Watcher(made=watcher.made))


def _capture_table(project: Project, address: str, how: Reading, watcher: Watcher, *, dry_run: bool) -> Captured:
    """The same for the rows of a query, from the bookmark on."""
    from evalloop.capture.crew import import_into
    from evalloop.store.sqlrows import Bookmark, Query

    if not how.mapping and not how.platform:
        raise UsageError("a query needs a mapping", fix="say how rows become events: --mapping FILE")
    if how.cursor and how.platform:
        raise UsageError("--cursor goes only with a mapping of your own", fix="leave it out: a second import is safe")
    recipe = _recipe(project, how, dry_run=dry_run)
    query = Query(address, how.query, how.cursor)
    followed = _Followed(query, Bookmark(project.config.state_dir, query, (how.mapping or Path(how.platform)).name))
    if how.restart:
        followed.bookmark.forget()
    if watcher.expected:
        watcher.expected(followed.count())
    rows: Iterator[RawRow] = followed.rows()
    if how.platform:
        rows = _platform(project, how.platform).rows(rows)
    if dry_run:
        return _tried(rows, query.place, recipe, watcher)
    with open_log(project) as log:
        def stored(number: int) -> None:
            followed.mark(number)
            watcher.stored(number)
        return import_into(log, rows, query.place, recipe, replace(watcher, stored=stored))


class _Followed:
    """The rows of a query from its bookmark on, and the bookmark moved after them."""

    def __init__(self, query: Query, bookmark: Bookmark) -> None:
        self.bookmark = bookmark
        self._query = query
        self._read: deque[tuple[int, Any]] = deque()
        self._marked_at = monotonic()
        self._ended = False

    def count(self) -> int:
        return self._query.count(self._from)

    def rows(self) -> Iterator[RawRow]:
        cursor = self._query.cursor
        for number, row in enumerate(self._query.rows(self._from), 1):
            if cursor:
                self._read.append((number, row[cursor]))
            yield number, row
        self._ended = True

    @property
    def _from(self) -> Any:
        return self.bookmark.read() if self._query.cursor else None

    def mark(self, number: int) -> None:
        """Called when the events of that many rows are on the disk."""
        last = None
        while self._read and self._read[0][0] <= number:
            last = self._read.popleft()[1]
        if last is not None and (self._ended or monotonic() - self._marked_at > MARK_S):
            self.bookmark.write(last)
            self._marked_at = monotonic()


def platforms(project: Project) -> list[tuple[Platform, MappingFile]]:
    """Every platform whose exports can be read, with its mapping, by name."""
    from evalloop.capture.mapping import load

    return [(each, load(each.mapping)) for each in project.host.all("platforms")]


def _recipe(project: Project, how: Reading, *, dry_run: bool) -> Recipe:
    """How the rows become events."""
    from evalloop.capture.crew import Recipe
    from evalloop.capture.mapping import load
    from evalloop.store.salt import project_salt

    salt = b"" if dry_run else project_salt(project.config.state_dir, project.config.salt)
    path = how.mapping or (_platform(project, how.platform).mapping if how.platform else None)
    if path is None and how.options:
        raise UsageError("options belong to a mapping", fix="name one: --mapping FILE or --from PLATFORM")
    return Recipe(load(path).with_options(how.options) if path else None, salt, how.consent, project.masking)


def _platform(project: Project, name: str) -> Platform:
    found: Platform = project.host.get("platforms", name)
    return found


def _source_of(project: Project, place: str) -> Source:
    if "://" in place and not any(source.matches(place) for source in project.host.all("sources")):
        raise UsageError(f"{place.partition(':')[0]}: what is to be read there?",
                         fix="a database needs --query 'SELECT ...' and --mapping FILE")
    if not Path(place).exists() and "://" not in place:
        raise UsageError(f"{place}: no such file or folder", fix="check the path")
    for source in project.host.all("sources"):
        if source.matches(place):
            found: Source = source
            return found
    raise UsageError(f"{place}: no source reads this", fix=f"sources: {', '.join(project.host.names('sources'))}")
