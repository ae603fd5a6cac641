"""The report as workflow commands of GitHub Actions: annotations beside the run and on the lines of the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalloop.contracts import ReportData
from evalloop.encode import workflow_command
from evalloop.records.case import Case
from evalloop.records.report import Comparison
from evalloop.report.renderers.text import verdict
from evalloop.report.wording import Words, rank

MOST = 10
"""GitHub shows ten annotations of each kind for one step."""
KINDS = {"BLOCK": "error", "INCOMPLETE": "error", "INCONCLUSIVE": "warning", "PASS": "notice"}


class GithubRenderer:
    """``--format github``: for a workflow step: the gate, then clusters that changed, then cases that got worse."""

    name = "github"
    version = "1"
    suffix = ".log"

    def render(self, data: ReportData) -> str:
        """At most ten lines of each kind, over all candidates."""
        left = dict.fromkeys(("error", "warning", "notice"), MOST)
        lines = []
        for kind, line in [each for comparison in (data.comparison, *data.others)
                           for each in _annotations(comparison, data.cases)]:
            left[kind] -= 1
            if left[kind] >= 0:
                lines.append(line)
        return "".join(f"{line}\n" for line in lines)


def _annotations(comparison: Comparison, cases: Mapping[str, Case]) -> Iterator[tuple[str, str]]:
    words = Words.of(comparison)
    versus = f"{comparison.candidate} against {comparison.baseline}"
    gate = comparison.gate
    if gate is not None:
        kind = KINDS.get(gate.verdict, "warning")
        yield kind, workflow_command(kind, "\n".join([versus, *gate.reasons]), title=f"evalloop: {gate.verdict}")
    for delta in rank(comparison):
        if delta.verdict in ("regressed", "improved"):
            kind = "error" if delta.verdict == "regressed" else "notice"
            yield kind, workflow_command(kind, f"{words.evidence(delta)}: {verdict(delta)}",
                                         title=f"evalloop: {delta.cluster} {delta.verdict}")
    for flip in comparison.flips:
        if flip.change < 0:
            case = cases.get(flip.case)
            place: dict[str, str | int] = {"file": case.file, "line": case.line or 1} if case and case.file else {}
            told = f"{words.score(flip.base)} with {comparison.baseline}, {words.score(flip.cand)} now"
            yield "warning", workflow_command("warning", told, **place, title=f"evalloop: {flip.case} got worse")
