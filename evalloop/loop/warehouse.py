"""Events of a warehouse for one analysis: checked, masked and attributed as those that come over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from evalloop.errors import UsageError
from evalloop.loop.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 20_000


class WarehouseEvents:
    """The events at the setting ``warehouse`` as tables of the lake. ``digest`` names them once they were read."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._sum = self.rows = 0

    @property
    def digest(self) -> str:
        """The same for the same events in any order."""
        return f"{self.rows} {self._sum % 2**256:x}"

    def __iter__(self) -> Iterator[pa.Table]:
        from evalloop.capture.intake import Intake, Sender, parse
        from evalloop.engine import read_warehouse
        from evalloop.loop.collecting import salt_of
        from evalloop.store import columns

        intake, now = Intake(salt_of(self._project), self._project.masker), datetime.now(UTC)
        found = read_warehouse(self._project.config.warehouse)
        while some := list(islice(found, BATCH)):
            items = [item for body, _ in some for item in parse(body.encode())]
            if len(items) != len(some):
                raise UsageError("a body in the warehouse holds more than one event", fix="give each event a row")
            rows = []
            for verdict, (_, received) in zip(intake(items, Sender("warehouse", erases=True), now), some, strict=True):
                if verdict.row is None:
                    told = verdict.problems[0]
                    raise UsageError(f"event {verdict.event_id or '?'} of the warehouse is not valid: "
                                     f"{told.field}: {told.message}",
                                     fix="mend the view that builds the bodies (docs/capture.md tells the schema)")
                rows.append((verdict.row.body, received))
                self._sum += int.from_bytes(hashlib.sha256(verdict.row.body.encode()).digest())
            self.rows += len(rows)
            yield columns.arrow(rows)
