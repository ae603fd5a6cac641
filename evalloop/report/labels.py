"""Reads people's labels (and recorded verdicts of a judge) from rows of any table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.errors import RecordError, UsageError
from evalloop.report.calibration import majority, speaks_of_pairs, verdict_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "case", "case_id", "pair"),
    "human": ("human", "label", "winner", "vote", "verdict"),
    "judge": ("judge", "judge_verdict", "winner", "verdict"),
    "run": ("run",),
    "repeat": ("repeat",),
    "input": ("input", "question", "prompt"),
    "output": ("output", "answer", "response"),
    "first": ("first", "result_x", "answer_a", "response_a"),
    "second": ("second", "result_y", "answer_b", "response_b"),
}
"""What may be read, and the names of columns that it is looked for under (``--field`` names another)."""
SIDE = {"human": "human verdicts", "judge": "verdicts of the judge"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """What people say of one output (of a pair when the file speaks of pairs): the majority of ``votes`` votes."""

    id: str
    human: float | None
    votes: int
    run: str | None
    repeat: int | None
    row: Row


class Table:
    """The rows of one file, and which column holds what; raises the first broken row's error."""

    def __init__(self, place: str, rows: Iterable[tuple[int, Row | RecordError]], fields: Mapping[str, str]) -> None:
        self.place = place
        self.rows: list[tuple[int, Row]] = []
        for number, row in rows:
            if isinstance(row, RecordError):
                raise row
            self.rows.append((number, row))
        if not self.rows:
            raise RecordError("holds no row", file=place, fix="write one row for each label")
        self._names = list(self.rows[0][1])
        self._fields = fields

    def column(self, what: str) -> str | None:
        """The column that holds it; None when there is none."""
        named = self._fields.get(what)
        if named is not None and named in self._names:
            return named
        return next((name for name in COLUMNS[what] if name in self._names), None)

    def needs(self, what: str) -> str:
        """The column that holds it; raises RecordError when there is none."""
        name = self.column(what)
        if name is None:
            raise RecordError(f"no column with the {SIDE.get(what, what)}", file=self.place, field=what,
                              fix=f"columns: {', '.join(self._names)}; name one: --field {what}=COLUMN")
        return name

    def text(self, row: Row, what: str) -> str | None:
        """A cell as text; None when the column is not there or the cell is empty."""
        name = self.column(what)
        value = row.get(name) if name else None
        return None if value is None or value == "" else str(value)

    def pairs(self, what: str) -> bool:
        """Whether the verdicts name a place."""
        name = self.needs(what)
        return speaks_of_pairs(row.get(name) for _, row in self.rows)

    def verdict(self, number: int, row: Row, what: str, pairs: bool) -> float:
        """A verdict; raises RecordError for what is none."""
        name = self.needs(what)
        value = verdict_of(row.get(name), pairs)
        if value is None:
            raise RecordError(f"{str(row.get(name))[:40]!r} is no verdict", file=self.place, line=number, field=name,
                              fix="write pass or fail, 1 or 0, a number between them, or of a pair first, second, tie")
        return value


def items(table: Table) -> list[Item]:
    """One item for each output, several people's votes together; rows without a verdict yet are left out."""
    pairs, human = table.pairs("human"), table.needs("human")
    votes: dict[tuple[str, str | None, str | None], list[float]] = {}
    first: dict[tuple[str, str | None, str | None], Row] = {}
    for number, row in table.rows:
        if row.get(human) in (None, ""):
            continue
        key = (_id(table, number, row), table.text(row, "run"), table.text(row, "repeat"))
        votes.setdefault(key, []).append(table.verdict(number, row, "human", pairs))
        first.setdefault(key, row)
    return [Item(key[0], majority(given), len(given), key[1], int(key[2]) if key[2] else None, first[key])
            for key, given in votes.items()]


def verdicts(table: Table, pairs: bool) -> dict[str, float]:
    """The judge's recorded verdict of each id; raises RecordError for an id that has two."""
    found: dict[str, float] = {}
    for number, row in table.rows:
        name = _id(table, number, row)
        value = table.verdict(number, row, "judge", pairs)
        if found.setdefault(name, value) != value:
            raise RecordError(f"two verdicts of the judge on {name!r}", file=table.place, line=number,
                              fix="leave one of them")
    return found


def lengths(table: Table) -> dict[str, int]:
    """By id, the length of the output, or of a pair the first's less the second's."""
    found = {}
    for number, row in table.rows:
        first, second, output = (table.text(row, what) for what in ("first", "second", "output"))
        if output is not None:
            found[_id(table, number, row)] = len(output)
        elif first is not None or second is not None:
            found[_id(table, number, row)] = len(first or "") - len(second or "")
    return found


def one_each(found: Sequence[Item], place: str) -> dict[str, Item]:
    """The items by id; raises UsageError when an id has several outputs, which only a run can tell apart."""
    by_id = {each.id: each for each in found}
    if len(by_id) < len(found):
        raise UsageError(f"{place}: one id has labels of several outputs",
                         fix="give the runs that they are of: --run RUN")
    return by_id


def _id(table: Table, number: int, row: Row) -> str:
    name = table.text(row, "id")
    if table.column("id") is None:
        return str(number)
    if name is None:
        raise RecordError("a row without an id", file=table.place, line=number, field="id", fix="write the id")
    return name
