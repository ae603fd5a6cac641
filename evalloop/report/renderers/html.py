"""The report as one self-contained HTML file: no foreign request, hashed content policy, answers packed with gzip."""

from __future__ import annotations

from evalloop.contracts import ReportData
from evalloop.records.report import Comparison, Delta
from evalloop.report.renderers.forest import MOST, forest
from evalloop.report.renderers.frame import framed
from evalloop.report.renderers.matrix_page import matrix_page
from evalloop.report.renderers.slots import address, encoded, notes_of
from evalloop.report.renderers.text import reasons, tests
from evalloop.report.renderers.tiles import tiles
from evalloop.report.wording import Words, changes, p_value, rank

HEADERS = ("cluster", "delta", "verdict", "interval", "base", "new", "won / lost / tied", "n", "p", "Holm p", "q",
           "MDE80")
MEANS = {"PASS": "The candidate may ship.",
         "BLOCK": "The candidate should not ship: there is evidence that it is worse.",
         "INCONCLUSIVE": "These cases do not decide it: neither better nor worse is shown.",
         "INCOMPLETE": "Something could not be measured, and it could change the verdict."}


class HtmlRenderer:
    """``--format html``: verdict first, then where it changed, the clusters, and every case with both answers."""

    name = "html"
    version = "1"
    suffix = ".html"

    def render(self, data: ReportData) -> str:
        """The whole page; that of several candidates is a matrix.

        Static text is escaped here; answers are packed and shown through textContent alone.
        """
        if data.others:
            return matrix_page(data)
        comparison = data.comparison
        words = Words.of(comparison)
        gate = comparison.gate
        verdict = gate.verdict if gate else "NO GATE"
        return framed(data, "page.html", {
            "candidate": encoded(comparison.candidate), "baseline": encoded(comparison.baseline),
            "verdict": encoded(verdict), "verdict_class": verdict.lower() if gate else "none",
            "headline": encoded(_headline(comparison, words)),
            "reasons": "".join(f"<li>{encoded(reason)}</li>" for reason in (gate.reasons if gate else ())),
            "forest_hint": encoded(_forest_hint(comparison, words)), "forest": forest(comparison),
            "table": _table(comparison, words), "table_hint": encoded(_table_hint(comparison, words)),
            "notes": _notes(comparison), "tiles": tiles(comparison, words), "means": encoded(_means(comparison)),
        }, title=f"{verdict}: {comparison.candidate} against {comparison.baseline}", footer=_footer(data))


def _headline(comparison: Comparison, words: Words) -> str:
    overall = comparison.overall
    if overall.delta is None:
        return "nothing could be compared"
    return f"{words.delta(overall.delta)} overall ({words.score(overall.base)} to {words.score(overall.cand)})"


def _means(comparison: Comparison) -> str:
    return MEANS.get(comparison.gate.verdict, "") if comparison.gate else "No gate was asked for."


def _forest_hint(comparison: Comparison, words: Words) -> str:
    more = f" The first {MOST} clusters are drawn." if len(comparison.clusters) > MOST else ""
    unit = " in points" if words.points else ""
    return (f"Change{unit} with {words.confidence} interval; right of zero is better. The dashed line is the margin of "
            f"{words.size(comparison.margin)}. ▲ improved, ▼ regressed, ● neither shown.{more}")


def _table_hint(comparison: Comparison, words: Words) -> str:
    return ("A click on a cluster shows its cases. It is called improved or regressed when its Holm-adjusted p lies "
            f"under {comparison.alpha:g}. MDE80 is the smallest true delta found with 80 % power (none: no delta is). "
            "q is the Benjamini-Hochberg value, for browsing.")


def _table(comparison: Comparison, words: Words) -> str:
    head = "".join(f"<th scope='col'{_numeric(name)}>{name}</th>" for name in HEADERS)
    rows = _row(comparison.overall, ' class="overall"', words) + "".join(
        _row(delta, _handle(number, delta, words), words) for number, delta in enumerate(rank(comparison)))
    return (f'<table><caption class="sr">Overall, then regressed and improved clusters, then the others</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


def _numeric(header: str) -> str:
    return "" if header in ("cluster", "verdict") else " class='n'"


def _row(delta: Delta, handle: str, words: Words) -> str:
    dropped = f" ({delta.dropped} dropped)" if delta.dropped else ""
    cells = (words.interval(delta), words.score(delta.base), words.score(delta.cand),
             changes(delta).replace("/", " / "), f"{delta.n}{dropped}", p_value(delta.p), p_value(delta.p_holm),
             p_value(delta.q), words.detectable(delta.mde80))
    tone = delta.verdict if delta.verdict in ("improved", "regressed") else "open"
    numbers = "".join(f'<td class="n">{encoded(cell)}</td>' for cell in cells)
    more = "".join(f'<span class="why">{encoded(each)}</span>' for each in reasons(delta))
    return (f'<tr{handle}><th scope="row">{_link(delta)}</th>'
            f'<td class="n">{encoded(words.delta(delta.delta, unit=False))}</td>'
            f'<td class="verdict"><span class="{tone}">{encoded(delta.verdict)}</span>{more}</td>{numbers}</tr>')


def _handle(number: int, delta: Delta, words: Words) -> str:
    """How the script finds a row (the names themselves travel packed), and what it says above the cluster's cases."""
    told = f"{delta.verdict}: {words.evidence(delta)}; {words.score(delta.base)} before, {words.score(delta.cand)} now"
    return f' data-cluster="{number}" data-told="{encoded(told)}"'


def _link(delta: Delta) -> str:
    """The name of a cluster, which leads to its cases."""
    if delta.cluster is None:
        return "overall"
    return f'<a href="{address(cluster=delta.cluster, show="all")}">{encoded(delta.cluster)}</a>'


def _notes(comparison: Comparison) -> str:
    missing = [f"{count} {name}" for name, count in comparison.errors.items()]
    return notes_of([*comparison.notes, *([f"not compared: {', '.join(missing)}"] if missing else [])])


def _footer(data: ReportData) -> str:
    runs = "; ".join(f"{run.name}: {run.evalset}, {run.variant.name}, {run.created_at}" for run in data.runs)
    return f"Overall: {tests(data.comparison.overall)}. {runs}".rstrip()
