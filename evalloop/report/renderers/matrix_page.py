"""The page for several candidates: a row for each, the matrix of clusters, and the cases under all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evalloop.contracts import ReportData
from evalloop.records.report import Comparison
from evalloop.report.gate import EXIT_CODES, PASS
from evalloop.report.renderers.frame import framed
from evalloop.report.renderers.many import LEGEND, MARKS, matrix, summary
from evalloop.report.renderers.payload import clusters_of
from evalloop.report.renderers.slots import address, encoded, notes_of
from evalloop.report.wording import Words

TONES = {MARKS["improved"]: "improved", MARKS["regressed"]: "regressed"}
TEXTS = ("verdict", "gate")
Row = Sequence[str]


def matrix_page(data: ReportData) -> str:
    """One self-contained file, as the page for one candidate."""
    comparisons = [data.comparison, *data.others]
    baseline = data.comparison.baseline
    told: Mapping[str, None] = dict.fromkeys(note for each in comparisons for note in each.notes)
    return framed(data, "many.html", {
        "headline": encoded(_headline(comparisons)), "means": encoded(_means(comparisons)),
        "baseline": encoded(baseline),
        "notes": notes_of([*told]), "legend": encoded(LEGEND),
        "reasons": _reasons(comparisons),
        "candidates": _table(summary(comparisons, encoded), "Candidates with their overall figures"),
        "matrix": _table([*_linked(comparisons)], "Deltas of each cluster under each candidate", clusters=True),
    }, title=f"{len(comparisons)} candidates against {baseline}", footer=(
        f"Verdicts and p-values are adjusted for all {len(comparisons)} candidates together. One candidate in full, "
        f"with intervals: evalloop report {baseline} {data.comparison.candidate}"))


def _headline(comparisons: Sequence[Comparison]) -> str:
    return f"{len(_passing(comparisons)) or 'None'} of {len(comparisons)} candidates may ship"


def _means(comparisons: Sequence[Comparison]) -> str:
    """Which candidates the gate lets through, the best one first."""
    passing = _passing(comparisons)
    if not passing:
        return "No candidate passes the gate; the table says what each lacks."
    words = Words.of(comparisons[0])
    return "; ".join(f"{each.candidate} {words.delta(each.overall.delta)}" for each in passing)


def _reasons(comparisons: Sequence[Comparison]) -> str:
    """What each verdict of the gate rests on, behind one line."""
    told = "".join(f"<h3>{encoded(each.candidate)}: {encoded(each.gate.verdict)}</h3><ul class='reasons'>"
                   + "".join(f"<li>{encoded(reason)}</li>" for reason in each.gate.reasons) + "</ul>"
                   for each in comparisons if each.gate)
    return f'<details class="whys"><summary>What each verdict rests on</summary>{told}</details>' if told else ""


def _passing(comparisons: Sequence[Comparison]) -> list[Comparison]:
    passing = [each for each in comparisons if each.gate and each.gate.verdict == PASS]
    return sorted(passing, key=lambda each: -(each.overall.delta or 0.0))


def _linked(comparisons: Sequence[Comparison]) -> Iterator[Row]:
    """The matrix, in which a cluster leads to its cases, and a delta to those that it changed under this candidate."""
    head, overall, *rows = matrix(comparisons, encoded)
    yield from (head, overall)
    for cluster, (name, base, *cells) in zip(clusters_of(comparisons), rows, strict=True):
        links = (address(cluster=cluster, candidate=each.candidate, show="changed") for each in comparisons)
        yield [f'<a href="{address(cluster=cluster, show="all")}">{name}</a>', base,
               *(f'<a href="{link}">{_toned(cell)}</a>' for link, cell in zip(links, cells, strict=True))]


def _table(rows: Sequence[Row], caption: str, *, clusters: bool = False) -> str:
    """Rows that are encoded already; the first is the header. ``clusters``: the overall row, then one for each."""
    kinds = ["" if number == 0 or name in TEXTS else ' class="n"' for number, name in enumerate(rows[0])]
    head = "".join(f'<th scope="col"{kind}>{cell}</th>' for kind, cell in zip(kinds, rows[0], strict=True))
    body = "".join(
        f'<tr{_handle(number, clusters)}><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{_toned(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)) + "</tr>"
        for number, row in enumerate(rows[1:]))
    start = f'<table class="{"named" if clusters else "plain"}"><caption class="sr">{caption}</caption>'
    return f"{start}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _handle(number: int, clusters: bool) -> str:
    """How the script finds the row of a cluster."""
    if not clusters:
        return ""
    return f' data-cluster="{number - 1}"' if number else ' class="overall"'


def _toned(cell: str) -> str:
    if cell in EXIT_CODES:
        return f'<span class="badge small {cell.lower()}">{cell}</span>'
    tone = TONES.get(cell[-1:], cell if cell in TONES.values() else "")
    return f'<span class="{tone}">{cell}</span>' if tone else cell
