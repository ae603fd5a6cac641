"""The weekly digest as one HTML file that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evalloop.clusters.digest import Digest, footnotes, heading, impact, moved, spark, state
from evalloop.printable import many, one_line
from evalloop.records.cluster import Cluster

WIDTH, HEIGHT = 96, 22

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d8dee4;--paper:#fff;--mark:#0a62c4;--wash:#eef4fb;
--bad:#b3261e;--good:#1a7f37}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa5b1;--line:#343b44;--paper:#0f1419;--mark:#6cb2ff;
--wash:#16222f;--bad:#ff8a80;--good:#6fd58a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}.soft{color:var(--soft);font-size:.875rem}article{border-top:1px solid var(--line);padding:.9rem 0;
display:grid;grid-template-columns:5.5rem 1fr auto;gap:.2rem 1rem}.share{font-size:1.4rem;font-weight:600;
font-variant-numeric:tabular-nums;line-height:1.3}h3{font-size:1rem;margin:.15rem 0;overflow-wrap:anywhere}
blockquote{margin:.3rem 0;padding-left:.7rem;border-left:3px solid var(--line);color:var(--soft);overflow-wrap:anywhere}

ul{margin:.3rem 0;padding-left:1.1rem}.tag{display:inline-block;background:var(--wash);border-radius:.3rem;
padding:0 .4rem;font-size:.8rem;margin-right:.3rem}.growing,.back,.regressed{color:var(--bad)}
.shrinking,.resolved{color:var(--good)}svg{display:block;max-width:100%}polyline{fill:none;stroke:var(--mark);
stroke-width:1.5}circle{fill:var(--mark)}code{font-size:.8rem;color:var(--soft)}
@media(max-width:36rem){article{grid-template-columns:4.5rem 1fr}.weeks{grid-column:2}}
@media print{article{break-inside:avoid}}
"""


def as_html(made: Digest, top: int) -> str:
    """The whole page; every text is escaped, and the policy of the page forbids scripts and requests."""
    themes = "".join(_article(each) for each in made.shown[:top])
    left = len(made.shown) - top
    more = f'<p class="soft">and {many(left, "smaller theme")}</p>' if left > 0 else ""
    attacks = "".join(_article(each) for each in made.attacks[:top])
    red = f"<h2>Red-team material</h2>{attacks}" if attacks else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in footnotes(made))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        f"<title>Themes {escape(made.themes.week)}</title><style>{STYLE}</style></head><body><main>"
        f'<h1>What users complain of</h1><p class="soft">{escape(heading(made))}</p>{themes}{more}{red}'
        f'<h2>Beside the themes</h2><ul class="soft">{notes}</ul></main></body></html>\n')


def _article(cluster: Cluster) -> str:
    told = [f"{many(cluster.size, 'failure')}, {many(cluster.users, 'user')}, effective n {cluster.n_effective:,.0f}"]
    told += [each for each in (moved(cluster), impact(cluster)) if each]
    if cluster.severity is not None:
        told.append(f"severity {cluster.severity:.2f}")
    parts = "".join(f"<li>{_shown(part.label)} ({part.share:.0%})</li>" for part in cluster.subthemes if part.size)
    quotes = "".join(f"<blockquote>{_shown(quote, 200)}</blockquote>" for quote in cluster.quotes[:2])
    return (
        f'<article><div><div class="share">{cluster.share:.1%}</div><div class="soft">{cluster.share_low:.1%} to '
        f"{cluster.share_high:.1%}</div></div><div><h3>{_shown(cluster.label)}</h3>{_tags(cluster)}"
        f'<p class="soft">{escape("; ".join(told))}</p>{f"<ul>{parts}</ul>" if parts else ""}{quotes}'
        f'<code>{escape(cluster.cluster_id)}</code></div><div class="weeks">{_sparkline(cluster)}</div></article>')


def _tags(cluster: Cluster) -> str:
    kind = "" if cluster.kind == "unsorted" else f'<span class="tag">{escape(cluster.kind)}</span>'
    words = "".join(f'<span class="tag {escape(part.split(" ")[0])}">{escape(part)}</span>'
                    for part in state(cluster).split("; ") if part)
    return kind + words


def _sparkline(cluster: Cluster) -> str:
    """The shares of the last weeks as a line, with its figures in words for those who do not see it."""
    values = spark(cluster)
    if len(values) < 2:
        return ""
    points = _points(values)
    said = ", ".join(f"{each.week} {each.share:.1%}" for each in cluster.weeks[-len(values):])
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
            f"<title>share by week: {escape(said)}</title>"
            f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>')


def _points(values: Sequence[float]) -> list[tuple[float, float]]:
    top = max(values) or 1.0
    step = (WIDTH - 6) / (len(values) - 1)
    return [(3 + step * place, HEIGHT - 3 - value / top * (HEIGHT - 6)) for place, value in enumerate(values)]


def _shown(text: str, limit: int = 80) -> str:
    return escape(one_line(text, limit=limit))
