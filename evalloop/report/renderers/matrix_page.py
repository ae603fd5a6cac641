"""The page for several candidates: one row for each of them, and the matrix of clusters; it needs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalloop.contracts import ReportData
from evalloop.report.renderers.many import LEGEND, MARKS, matrix, summary
from evalloop.report.renderers.slots import asset, encoded, fill, hashed, notes_of

TONES = {MARKS["improved"]: "improved", MARKS["regressed"]: "regressed"}
TEXTS = ("verdict", "gate")


def matrix_page(data: ReportData) -> str:
    """One self-contained file, as the page for one candidate."""
    comparisons = [data.comparison, *data.others]
    first, style = comparisons[0], asset("page.css")
    headline = f"{len(comparisons)} candidates against {first.baseline}"
    told: Mapping[str, None] = dict.fromkeys(note for each in comparisons for note in each.notes)
    footer = (f"Verdicts and p-values are adjusted for all {len(comparisons)} candidates together. One candidate in "
              f"full, with its cases and answers: evalloop report {first.baseline} {first.candidate}")
    return fill(asset("many.html"), {
        "title": encoded(headline), "headline": encoded(f"{len(comparisons)} candidates"), "style": style,
        "style_hash": hashed(style), "baseline": encoded(first.baseline), "notes": notes_of([*told]),
        "candidates": _table(summary(comparisons, encoded), "Candidates with their overall figures"),
        "matrix": _table(matrix(comparisons, encoded), "Deltas of each cluster under each candidate"),
        "legend": encoded(LEGEND), "footer": encoded(footer)})


def _table(rows: Sequence[Sequence[str]], caption: str) -> str:
    """Rows whose names are encoded already; the first is the header."""
    kinds = ["" if number == 0 or name in TEXTS else ' class="n"' for number, name in enumerate(rows[0])]
    head = "".join(f'<th scope="col"{kind}>{cell}</th>' for kind, cell in zip(kinds, rows[0], strict=True))
    body = "".join(
        f'<tr{"" if row[0] != "OVERALL" else " class=overall"}><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{_toned(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)) + "</tr>"
        for row in rows[1:])
    return f'<table><caption class="sr">{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _toned(cell: str) -> str:
    tone = TONES.get(cell[-1:], cell if cell in TONES.values() else "")
    return f'<span class="{tone}">{cell}</span>' if tone else cell
