"""The events of an hour straight into the lake, as ``capture`` and ``store drain`` would bring them there.

    python benchmarks/day_lake.py FOLDER SCALE SEED

For looking at the stages behind these two, which take most of a day's time. The engine reads the lines; of Python there
is a hash for each user. An hour that is there already (its ``.laid``) is passed over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from day_events import HOURS, Day

from evalloop import loop
from evalloop.capture.values import user_key
from evalloop.loop.evidence import open_log
from evalloop.store import columns
from evalloop.store.lake import Lake, Part, sorted_part
from evalloop.store.salt import project_salt

ROWS = 100_000
PRIVACY = '"privacy":{"masked":[],"masker":"forms@1","state":"masked"}'
_TEXTS = [{"role": "VARCHAR", "content": "VARCHAR"}]
SHAPE = {
    "event_id": "VARCHAR", "event_type": "VARCHAR", "occurred_at": "VARCHAR", "source": {"kind": "VARCHAR"},
    "subject": {"level": "VARCHAR", "response_id": "VARCHAR", "session_id": "VARCHAR", "turn_index": "BIGINT"},
    "actor": {"user_key": "VARCHAR", "segment": "MAP(VARCHAR, VARCHAR)"},
    "consent": {"basis": "VARCHAR", "purposes": ["VARCHAR"]}, "links": {"regenerate_of": "VARCHAR"},
    "context": dict.fromkeys(("app", "release", "model_requested", "model_answered", "surface", "locale"), "VARCHAR"),
    "payload": {
        "value": "DOUBLE", "scroll_max": "DOUBLE", "text": "VARCHAR", "kind": "VARCHAR", "finish_reason": "VARCHAR",
        **dict.fromkeys(("chars", "total", "chars_shown", "visible_ms", "focused_ms"), "BIGINT"),
        "input": {"messages": _TEXTS}, "output": {"messages": _TEXTS}}}
"""What the events of the day hold; a field that is not named here would be lost, which the check would show."""


class Writer:
    """Writes hours into a lake; ``salt`` is the project's secret for user keys."""

    def __init__(self, lake: Lake, salt: bytes, users: int) -> None:
        self._lake = lake
        self._engine = duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})
        self._engine.execute("set timezone = 'UTC'")
        names = [f"u{number:06d}" for number in range(users)]
        self._engine.execute("create table people as select unnest(?) as name, unnest(?) as key",
                             [names, [user_key(salt, name) for name in names]])
        self._query = _query()

    def write(self, lines: Path) -> int:
        """Puts the events of a file into parts of a hundred thousand, all at once; how many there were."""
        table = self._engine.sql(self._query, params=[str(lines)]).to_arrow_table().cast(columns.schema())
        parts = [part for day in pc.unique(table.column("day")).to_pylist()
                 for part in self._parts(table.filter(pc.equal(table.column("day"), day)))]
        with self._lake.engine.begin() as connection:
            self._lake.commit(connection, live=parts)
        return int(table.num_rows)

    def _parts(self, table: pa.Table) -> Iterator[Part]:
        for start in range(0, table.num_rows, ROWS):
            rows = table.slice(start, ROWS)
            part = self._lake.announce(rows.column("occurred_at")[0].as_py().date().isoformat(), rows.num_rows)
            self._lake.folder.write(part.path, sorted_part(rows))
            yield part


def _query() -> str:
    """All columns of the lake; those that no event of the day has are empty."""
    told = {
        **{name: f"e.{name}" for name in ("event_id", "event_type")}, "source_kind": "e.source.kind",
        "occurred_at": "moment", "received_at": "now()", "at_us": "epoch_us(moment)",
        "day": "epoch_us(moment) // 86400000000",
        **{name: f"e.subject.{name}" for name in ("level", "response_id", "session_id", "turn_index")},
        "regenerate_of": "e.links.regenerate_of", "user_key": "key", "segment": "e.actor.segment",
        "consent_basis": "e.consent.basis",
        **{f"may_{name}": f"list_contains(e.consent.purposes, '{name}')" for name in columns.PURPOSES},
        **{name: f"e.context.{name}" for name in ("app", "release", "model_requested", "model_answered", "surface",
                                                  "locale")},
        **{name: f"e.payload.{name}" for name in ("value", "scroll_max", "chars", "total", "chars_shown", "visible_ms",
                                                  "focused_ms", "kind", "finish_reason", "text")},
        "prompt": "asked", "response": "answered", "response_chars": "length(answered)",
        "response_words": "len(string_split(answered, ' '))",
        "body": "replace(replace(line, '\"user_key\": \"' || e.actor.user_key, '\"user_key\":\"' || key), "
                f"'Z\",\"source\"', '000Z\",\"source\"')[:-2] || ',{PRIVACY}}}'"}
    chosen = ", ".join(f'{told.get(name, "null")} as "{name}"' for name in columns.NAMES)
    return f"""
        with lines as (select json as line, json_transform(json, '{json.dumps(SHAPE)}') as e
                       from read_json_objects(?, format = 'newline_delimited')),
        events as (select line::varchar as line, e, e.occurred_at::timestamptz as moment,
                          e.payload.input.messages[1].content as asked,
                          e.payload.output.messages[1].content as answered from lines)
        select {chosen} from events join people on people.name = e.actor.user_key"""


def main() -> None:
    """Writes the hours of a day into the lake of ``FOLDER/project``."""
    folder, day = Path(sys.argv[1]), Day(float(sys.argv[2]), int(sys.argv[3]))
    project = loop.open_project(folder / "project")
    salt = project_salt(project.config.state_dir, project.config.salt)
    with open_log(project) as log:
        writer = Writer(log.lake, salt, day.users)
        for hour in range(HOURS):
            place = folder / f"hour-{hour:02d}.jsonl"
            done = place.with_suffix(".laid")
            if not done.is_file():
                counts = day.hour(hour).write(place)
                if writer.write(place) != counts["events"]:
                    raise SystemExit(f"{place}: not every event came into the lake")
                done.write_text(json.dumps(counts))
                place.unlink()


if __name__ == "__main__":
    main()
