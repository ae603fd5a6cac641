"""What both pages share: the document with its content policy, and the list of cases with their answers."""

from __future__ import annotations

from collections.abc import Mapping

from evalloop.contracts import ReportData
from evalloop.report.renderers.pack import Packed, pack
from evalloop.report.renderers.payload import payload
from evalloop.report.renderers.slots import asset, encoded, fill, hashed

SCRIPTS = ("differences.js", "page.js")
ANSWERS = '<script type="application/octet-stream" class="answers">{}</script>'


def framed(data: ReportData, template: str, slots: Mapping[str, str], *, title: str, footer: str) -> str:
    """One self-contained file: ``template`` with its slots, then the cases. ``title`` and ``footer`` are plain text."""
    style, script = asset("page.css"), "".join(map(asset, SCRIPTS))
    body = fill(asset(template), {**slots, "cases": _cases(data, script, footer)})
    return fill(asset("frame.html"), {"title": encoded(title), "style": style, "style_hash": hashed(style),
                                      "script_hash": hashed(script), "body": body})


def _cases(data: ReportData, script: str, footer: str) -> str:
    """The list; its index stands before the script, the answers behind it, so that the list waits for none of them."""
    packed = pack(payload(data))
    return fill(asset("cases.html"), {
        "heads": _heads(data), "cut": encoded(_cut_hint(packed)), "footer": encoded(footer), "index": packed.index,
        "script": script, "answers": "\n".join(map(ANSWERS.format, packed.pieces))})


def _heads(data: ReportData) -> str:
    """Names of columns; those that a phone has no room for are marked."""
    if data.others:
        names = [data.comparison.baseline, data.comparison.candidate, *(each.candidate for each in data.others)]
        figures = [(encoded(name), "n") for name in names]
    else:
        figures = [("base", "n wide"), ("new", "n wide"), ("change", "n")]
    return "".join(f'<th scope="col" class="{kind}">{name}</th>'
                   for name, kind in [("case", ""), ("cluster", "wide"), *figures])


def _cut_hint(packed: Packed) -> str:
    return (f"To keep this page small, {packed.cut:,} long texts are cut, those of unchanged cases first; the run logs "
            "hold them whole.") if packed.cut else ""
