"""The fused score as one HTML page with a reliability diagram for each surface; it needs no network and no script."""

from __future__ import annotations

from html import escape

from evalloop.printable import one_line
from evalloop.records.fused import Bin, FusedModel, SurfaceModel

SIDE, EDGE, LARGEST = 320, 44, 9.0
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d8dee4;--paper:#fff;--mark:#0a62c4}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa5b1;--line:#343b44;--paper:#0f1419;--mark:#6cb2ff}}
*{box-sizing:border-box}body{margin:0 auto;max-width:48rem;padding:1.5rem 1rem 3rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .25rem}
p{margin:.25rem 0;overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.875rem}svg{display:block;width:100%;
max-width:26rem;margin:.5rem 0}text{fill:var(--soft);font-size:12px}.frame{fill:none;stroke:var(--line)}
.ideal{stroke:var(--soft);stroke-dasharray:4 4}.bar{stroke:var(--mark);stroke-width:2}circle{fill:var(--mark)}
"""


def as_html(model: FusedModel) -> str:
    """The whole page; every text is escaped, and the policy of the page forbids scripts and requests."""
    surfaces = "".join(map(_section, model.surfaces))
    skipped = "".join(f"<p>{_name(name)}: no model: {escape(why)}</p>" for name, why in model.skipped.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        f"<title>Failure score {escape(model.version)}</title><style>{STYLE}</style></head><body><main>"
        f'<h1>How far the failure score can be trusted</h1><p class="soft">version {escape(model.version)}, fitted '
        f"{escape(model.fitted_at)}; all figures are of users that the fit has not seen</p>{surfaces}{skipped}"
        "</main></body></html>\n")


def _name(surface: str) -> str:
    return escape(one_line(surface, limit=60)) or "all surfaces"


def _section(model: SurfaceModel) -> str:
    ends = f" [{model.auc_interval[0]:.2f}, {model.auc_interval[1]:.2f}]" if model.auc_interval else ""
    auc = f"{model.auc:.2f}{ends}" if model.auc is not None else "unknown"
    return (
        f"<h2>{_name(model.surface)}</h2><p>{model.labels:,} labels of {model.users:,} users, {model.bad:,} bad</p>"
        f"<p>Brier {model.brier:.4f} (base rate {model.brier_base:.4f}, isotonic {model.brier_isotonic:.4f}), "
        f"AUC {auc}</p>{_diagram(model)}"
        '<p class="soft">Each dot is the turns of one step of predicted probability, its size their number, the line '
        "their 95 % interval clustered by user. On the dashed line the score is right.</p>")


def _diagram(model: SurfaceModel) -> str:
    most = max((each.n for each in model.reliability), default=1)
    size = SIDE + 2 * EDGE
    ticks = "".join(
        f'<text x="{_x(step / 4):.0f}" y="{_y(0) + 18:.0f}" text-anchor="middle">{step / 4:.0%}</text>'
        f'<text x="{_x(0) - 6:.0f}" y="{_y(step / 4) + 4:.0f}" text-anchor="end">{step / 4:.0%}</text>'
        for step in range(5))
    dots = "".join(_dot(each, most) for each in model.reliability)
    return (
        f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="Predicted against observed failure of '
        f'{_name(model.surface)}"><rect class="frame" x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}"/>'
        f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>{ticks}{dots}'
        f'<text x="{_x(0.5):.0f}" y="{size - 4}" text-anchor="middle">predicted</text>'
        f'<text x="{EDGE}" y="{EDGE - 10}">did fail</text></svg>')


def _dot(each: Bin, most: int) -> str:
    x = _x(each.predicted)
    radius = 2 + (LARGEST - 2) * (each.n / most) ** 0.5
    bar = (f'<line class="bar" x1="{x:.1f}" y1="{_y(each.interval[0]):.1f}" x2="{x:.1f}" '
           f'y2="{_y(each.interval[1]):.1f}"/>' if each.interval else "")
    return (f'{bar}<circle cx="{x:.1f}" cy="{_y(each.observed):.1f}" r="{radius:.1f}"><title>{each.n:,} turns: '
            f"predicted {each.predicted:.0%}, failed {each.observed:.0%}</title></circle>")


def _x(chance: float) -> float:
    return EDGE + chance * SIDE


def _y(chance: float) -> float:
    return EDGE + (1 - chance) * SIDE
