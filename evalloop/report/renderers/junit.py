"""The report as JUnit XML: the gate and each cluster are test cases, as CI systems show them."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from evalloop.contracts import ReportData
from evalloop.encode import xml_text
from evalloop.printable import printable
from evalloop.records.report import Comparison, Delta
from evalloop.report.renderers.text import verdict
from evalloop.report.wording import Words

NAME, LONGEST = 500, 20_000
"""Characters of a name or message, and of a text."""


class JunitRenderer:
    """``--format junit``: a blocked gate and a regressed cluster fail; what could not be decided is skipped."""

    name = "junit"
    version = "1"
    suffix = ".xml"

    def render(self, data: ReportData) -> str:
        """One test suite for each candidate, UTF-8."""
        suites = [line for each in (data.comparison, *data.others) for line in self._suite(each)]
        return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', "<testsuites>", *suites, "</testsuites>"]) + "\n"

    def _suite(self, comparison: Comparison) -> list[str]:
        words = Words.of(comparison)
        cases = [_gate(comparison), *(_cluster(delta, words) for delta in comparison.clusters)]
        counts = {kind: sum(f"<{kind}" in case for case in cases) for kind in ("failure", "error", "skipped")}
        name = _text(f"{comparison.candidate} against {comparison.baseline}", NAME)
        head = (f'<testsuite name={quoteattr(name)} tests="{len(cases)}" failures="{counts["failure"]}" '
                f'errors="{counts["error"]}" skipped="{counts["skipped"]}">')
        return [head, *cases, "</testsuite>"]


def _gate(comparison: Comparison) -> str:
    gate = comparison.gate
    if gate is None:
        return _case("gate", "skipped", "no gate", "")
    kind = {"PASS": "", "BLOCK": "failure", "INCOMPLETE": "error"}.get(gate.verdict, "skipped")
    return _case("gate", kind, gate.verdict, "\n".join(gate.reasons))


def _cluster(delta: Delta, words: Words) -> str:
    kind = {"regressed": "failure", "not enough evidence": "skipped"}.get(delta.verdict, "")
    return _case(str(delta.cluster), kind, verdict(delta), words.evidence(delta))


def _case(name: str, kind: str, message: str, text: str) -> str:
    head = f'<testcase classname="evalloop" name={quoteattr(_text(name, NAME))}'
    if not kind:
        return f"{head}><system-out>{escape(_text(text))}</system-out></testcase>"
    return f"{head}><{kind} message={quoteattr(_text(message, NAME))}>{escape(_text(text))}</{kind}></testcase>"


def _text(text: str, limit: int = LONGEST) -> str:
    """No character that XML cannot hold, no line that a CI log takes for a command, and no end of it."""
    return xml_text(printable(text, limit=limit))
