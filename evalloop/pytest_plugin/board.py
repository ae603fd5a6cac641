"""What all trials of a session say together: run logs, the gate of each evalset, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evalloop import loop
from evalloop.errors import EvalloopError
from evalloop.printable import one_line, printable
from evalloop.pytest_plugin import summary
from evalloop.pytest_plugin.options import Options
from evalloop.pytest_plugin.outcome import Outcome
from evalloop.pytest_plugin.state import baseline_of, started, state_of
from evalloop.records.case import Evalset
from evalloop.records.report import Comparison
from evalloop.records.run import Trial
from evalloop.store.runlog import RunLog


@dataclass
class Sheet:
    """The trials of one evalset by variant, each in its run log; the evalset comes without its cases."""

    evalset: Evalset
    trials: dict[str, list[Trial]] = field(default_factory=dict)
    logs: dict[str, RunLog] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)


class Board:
    """Lives on the controller; fed by reports, so that it works the same with and without xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.options = Options.of(config)
        self.project = state_of(config).project
        self.sheets: dict[str, Sheet] = {}
        self.fixed: list[str] = []
        self.lines: list[str] = []
        self.session: pytest.Session

    def note(self, report: pytest.TestReport, found: Outcome | Mapping[str, Any]) -> None:
        """Keeps the trials of one item and appends them to the run log of their variant."""
        outcome = found if isinstance(found, Outcome) else Outcome.from_dict(found)
        variant = outcome.variant
        sheet = self.sheets.setdefault(outcome.evalset.path, Sheet(outcome.evalset))
        sheet.trials.setdefault(variant.name, []).extend(outcome.trials)
        if variant.name not in sheet.logs:
            sheet.logs[variant.name] = loop.open_log(
                self.project, outcome.evalset, variant, case_ids=outcome.planned, created=started(self.config),
                repeats=self.options.repeats, tags={"by": "pytest"})
        for trial in outcome.trials:
            sheet.logs[variant.name].append(trial)
        if report.passed and hasattr(report, "wasxfail"):
            self.fixed.append(f"{report.nodeid}: {report.wasxfail}")

    def decide(self, session: pytest.Session) -> None:
        """Closes the logs; reports the gate of each evalset that has a baseline as one more test, writes the files."""
        self.session = session
        self.close()
        for path, sheet in self.sheets.items():
            try:
                sheet.comparisons += self._compare(sheet)
            except EvalloopError as error:
                self._report(path, "gate", "failed", str(error))
            for comparison in sheet.comparisons:
                self._report_gate(path, comparison)
        try:
            self.lines += summary.write_files(self.project, self.options, list(self.sheets.values()), self.fixed)
        except (EvalloopError, OSError) as error:
            self._report(".", "report", "failed", f"no report was written: {error}")

    def close(self) -> None:
        """Closes the logs that are open, each with its summary."""
        for sheet in self.sheets.values():
            for variant, log in sheet.logs.items():
                log.close(summary.of_trials(sheet.trials[variant], log.run))

    def _compare(self, sheet: Sheet) -> Iterator[Comparison]:
        trials = dict(sheet.trials)
        baseline = baseline_of(self.project, self.options, sheet.evalset, trials)
        if not baseline:
            return
        if baseline not in trials:
            like = next(iter(sheet.logs.values())).run
            trials[baseline] = sheet.trials[baseline] = loop.read_trials(self.project, baseline, like)
        for candidate in trials:
            if candidate != baseline:
                yield loop.compare_trials(self.project, {name: trials[name] for name in (baseline, candidate)},
                                          policy=sheet.evalset.gate)

    def _report_gate(self, path: str, comparison: Comparison) -> None:
        """BLOCK and INCOMPLETE fail, INCONCLUSIVE is skipped; nothing fails when the gate does not decide."""
        gate = comparison.gate
        if gate is None:
            return
        fails = self.options.fail_on in ("auto", "gate") and gate.verdict in ("BLOCK", "INCOMPLETE")
        outcome = "passed" if gate.verdict == "PASS" else "failed" if fails else "skipped"
        self._report(path, f"gate[{comparison.candidate}]", outcome, f"{gate.verdict}: {'; '.join(gate.reasons)}")

    def _report(self, path: str, name: str, outcome: Any, text: str) -> None:
        """One more test, through pytest's own reporting: seen by every plugin, and by the exit code."""
        root = self.config.rootpath
        place = str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
        text = printable(text)
        self.session.testscollected += 1  # else pytest's progress would go beyond 100 %
        longrepr: Any = {"failed": text, "skipped": (place, 0, text)}.get(outcome)
        self.config.hook.pytest_runtest_logreport(report=pytest.TestReport(
            nodeid=f"{place}::{name}", location=(place, None, name), keywords={}, outcome=outcome, longrepr=longrepr,
            when="call"))

    def show(self, reporter: Any) -> None:
        """The section at the end: the comparison where there is a baseline, else pass rates per cluster."""
        reporter.section("evalloop")
        for sheet in self.sheets.values():
            for line in self._lines(sheet):
                reporter.write_line(printable(line))
        for line in self.lines:
            reporter.write_line(printable(line))
        if self.fixed:
            reporter.write_line("known failures that pass now; take them out of the list:")
            for line in self.fixed:
                reporter.write_line(f"  {one_line(line, limit=300)}")

    def _lines(self, sheet: Sheet) -> Iterator[str]:
        for comparison in sheet.comparisons:
            yield from loop.render(self.project, "table", comparison).splitlines()
        if not sheet.comparisons:
            for variant, trials in sheet.trials.items():
                yield f"{sheet.evalset.name} [{variant}]"
                yield from summary.rates(trials)
        yield "runs: " + ", ".join(log.run.name for log in sheet.logs.values())


def open_board(config: pytest.Config) -> Board:
    """The board of this session."""
    return Board(config)
