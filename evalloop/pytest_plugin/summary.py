"""A session in figures: pass rates per cluster, the last line of each run log, and the files that were asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop import loop
from evalloop.contracts import ReportData
from evalloop.printable import many
from evalloop.pytest_plugin.options import Options
from evalloop.records.report import Comparison
from evalloop.records.run import Run, Summary, Trial
from evalloop.store import files

if TYPE_CHECKING:
    from evalloop.pytest_plugin.board import Sheet


def of_trials(trials: Sequence[Trial], run: Run) -> Summary:
    """What the session did of a run; ``stopped`` when it ended before the last of the planned trials."""
    replies = [trial.reply for trial in trials if trial.reply]
    verdicts = [trial.passed for trial in trials if trial.state == "ok"]
    cases = len({trial.case_id for trial in trials})
    return Summary(
        trials=len(trials), planned=len(trials) + (run.cases - cases) * run.repeats, ok=len(verdicts),
        errors=len(trials) - len(verdicts), passed=verdicts.count(True), failed=verdicts.count(False),
        unscored=verdicts.count(None), calls=sum(not reply.cached for reply in replies),
        cached=sum(reply.cached for reply in replies),
        input_tokens=sum(reply.usage.get("input_tokens", 0) for reply in replies),
        output_tokens=sum(reply.usage.get("output_tokens", 0) for reply in replies),
        cost=round(sum(reply.cost or 0.0 for reply in replies if not reply.cached), 6),
        unpriced=sum(reply.cost is None for reply in replies),
        stopped="the session ended early" if cases < run.cases else None)


def rates(trials: Sequence[Trial]) -> Iterator[str]:
    """One line for each cluster: cases that passed, out of those that could be judged, and errors."""
    rows = clusters(trials)
    width = max(len(row["cluster"]) for row in rows)
    for row in rows:
        errors = f", {many(row['errors'], 'error')}" if row["errors"] else ""
        yield f"  {row['cluster']:<{width}}  {row['passed']}/{row['judged']} passed{errors}"


def clusters(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Counts of trials for each cluster, by name; ``score`` is the mean over those that have one."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.cluster, []).append(trial)
    rows = []
    for name, members in sorted(found.items()):
        scores = [each.score for each in members if each.score is not None]
        rows.append({"cluster": name, "trials": len(members), "passed": sum(each.passed is True for each in members),
                     "judged": sum(each.passed is not None for each in members),
                     "errors": sum(each.state != "ok" for each in members),
                     "score": sum(scores) / len(scores) if scores else None})
    return rows


def write_files(project: loop.Project, options: Options, sheets: Sequence[Sheet], fixed: Sequence[str]) -> list[str]:
    """Writes what ``--evalloop-json`` and ``--evalloop-report`` ask for; returns a line on each file."""
    lines = []
    if options.json is not None:
        files.write_json(options.json, session(project, sheets, fixed))
        lines.append(f"wrote {options.json}")
    if options.report is not None:
        pages = [(sheet, each) for sheet in sheets for each in sheet.comparisons]
        for sheet, comparison in pages:
            path = options.report if len(pages) == 1 else _beside(options.report, sheet, comparison)
            files.write_text(path, loop.render(project, "html", _data(project, sheet, comparison)))
            lines.append(f"wrote {path}")
        if not pages:
            lines.append(f"{options.report} was not written: there is no baseline to compare with "
                         "(--evalloop-baseline, or evalloop baseline set)")
    return lines


def session(project: loop.Project, sheets: Sequence[Sheet], fixed: Sequence[str]) -> dict[str, Any]:
    """The session as JSON: runs with their clusters, and comparisons as ``evalloop compare --json`` prints them."""
    runs = [{"run": log.run.name, "run_id": log.run.run_id, "evalset": sheet.evalset.name, "variant": variant,
             **of_trials(sheet.trials[variant], log.run).to_dict(), "clusters": clusters(sheet.trials[variant])}
            for sheet in sheets for variant, log in sheet.logs.items()]
    comparisons = [{"evalset": sheet.evalset.name, **json.loads(loop.render(project, "json", each))}
                   for sheet in sheets for each in sheet.comparisons]
    return {"version": 1, "runs": runs, "comparisons": comparisons, "known_failures_that_pass": list(fixed)}


def _data(project: loop.Project, sheet: Sheet, comparison: Comparison) -> ReportData:
    """The comparison with the answers of both sides and the questions."""
    names = (comparison.baseline, comparison.candidate)
    cases = {case.id: case for case in loop.load_evalset(project, sheet.evalset.path).cases}
    return ReportData(comparison, tuple(sheet.logs[name].run for name in names if name in sheet.logs),
                      {name: sheet.trials[name] for name in names}, cases, sheet.evalset.name)


def _beside(path: Path, sheet: Sheet, comparison: Comparison) -> Path:
    """One file for each comparison: ``report-<evalset>-<candidate>.html``."""
    part = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{sheet.evalset.name}-{comparison.candidate}")
    return path.with_name(f"{path.stem}-{part}{path.suffix}")
