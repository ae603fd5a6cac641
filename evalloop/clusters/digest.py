"""The weekly digest of themes: what is shown, in which order, in words; and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalloop.encode import markdown
from evalloop.printable import many
from evalloop.records.cluster import OTHER, RED_TEAM, Cluster, Themes
from evalloop.records.times import weeks_text

BARS = "▁▂▃▄▅▆▇█"
SPARK_WEEKS = 12


@dataclass(frozen=True)
class Digest:
    """One week: ``shown`` themes by falling share, ``attacks`` of red-team material, what was left over (``other``),
    and how many themes are hidden because fewer than ``min_users`` users are in them, with their share together."""

    themes: Themes
    shown: tuple[Cluster, ...]
    attacks: tuple[Cluster, ...]
    other: Cluster | None
    hidden: int
    hidden_share: float
    min_users: int
    quiet: tuple[Cluster, ...] = ()


def digest(themes: Themes, *, min_users: int = 1) -> Digest:
    """What may be shown of a week. A theme of too few users says nothing of itself: no name, no quote, no size."""
    named = [each for each in themes.clusters if each.cluster_id != OTHER and each.size]
    enough = [each for each in named if each.users >= min_users]
    few = [each for each in named if each.users < min_users and each.named]
    quiet = [each for each in themes.clusters if each.trend == "quiet" and each.status not in ("resolved", "wont-fix")
             and each.cluster_id not in (OTHER, RED_TEAM) and any(week.users >= min_users for week in each.weeks)]
    other = next((each for each in themes.clusters if each.cluster_id == OTHER and each.size), None)
    return Digest(themes, tuple(each for each in enough if each.material != RED_TEAM),
                  tuple(each for each in enough if each.material == RED_TEAM), other, len(few),
                  sum(each.share for each in few), min_users, tuple(quiet))


def spark(cluster: Cluster) -> list[float]:
    """The shares of the last weeks, oldest first."""
    return [each.share for each in cluster.weeks[-SPARK_WEEKS:]]


def bars(values: Sequence[float]) -> str:
    """A sparkline of text; the highest value is a full bar."""
    top = max(values, default=0.0)
    return "".join(BARS[round(value / top * (len(BARS) - 1))] if top else BARS[0] for value in values)


def moved(cluster: Cluster) -> str:
    """The change against the week before: ``+4.1 points (1.2 to 7.0)``; empty where it cannot be told."""
    if cluster.change is None:
        return ""
    text = f"{cluster.change * 100:+.1f} points"
    if cluster.change_low is None or cluster.change_high is None:
        return text
    return f"{text} ({cluster.change_low * 100:+.1f} to {cluster.change_high * 100:+.1f})"


def state(cluster: Cluster) -> str:
    """Trend and status in words: ``growing; fixed in v12``."""
    status = {"open": "", "wont-fix": "won't fix", "has-cases": "has cases"}.get(cluster.status, cluster.status)
    if status and cluster.release:
        status = f"{status} in {cluster.release}" if cluster.status == "fixed" else f"{status} ({cluster.release})"
    return "; ".join(each for each in (cluster.trend, status) if each)


def impact(cluster: Cluster) -> str:
    """What became of it: ``31 % bad outcomes, 12 % elsewhere (n 40)``; empty where no outcome is known."""
    found = cluster.impact
    if found is None:
        return ""
    return f"{found.inside:.0%} bad outcomes, {found.outside:.0%} elsewhere (n {found.n_inside:,})"


def headline(cluster: Cluster) -> str:
    """The theme's own sentence, without its name: share, interval, change."""
    interval = f"{cluster.share_low:.1%} to {cluster.share_high:.1%}"
    text = f"{cluster.share:.1%} of negative feedback (95 % interval {interval}"
    return f"{text}, {moved(cluster)})" if moved(cluster) else f"{text})"


def heading(made: Digest) -> str:
    """What the week rests on."""
    themes = made.themes
    return (f"{weeks_text(themes.week, themes.since)}: {many(themes.failures, 'failure')} of "
            f"{many(themes.users, 'user')} in {many(themes.count, 'theme')}")


def footnotes(made: Digest) -> list[str]:
    """What is not in the table, each with its size."""
    notes = []
    if made.other:
        notes.append(f"other: {many(made.other.size, 'failure')} ({made.other.share:.1%}) near no theme")
    if made.hidden:
        notes.append(f"hidden: {many(made.hidden, 'theme')} ({made.hidden_share:.1%}) of fewer than "
                     f"{many(made.min_users, 'user')}")
    if made.themes.red_team:
        notes.append(f"red team: {many(made.themes.red_team, 'failure')} with an attack on the model or a report of "
                     "unsafe output; grouped apart, and they name no other theme")
    if made.quiet:
        notes.append(f"quiet: {many(len(made.quiet), 'known theme')} had no failure this week")
    if any(each.change is not None for each in (*made.shown, *made.attacks)):
        notes.append(f"change: share of the failures of {made.themes.week} minus that of the week before")
    notes.append("shares are of failures, weighted; a failure without a known user counts as a user of its own")
    return notes


def as_markdown(made: Digest, top: int) -> str:
    """The digest for a chat, a pull request or a wiki; no text of a user can mark anything up."""
    lines = [f"## Themes, {heading(made)}", "",
             "| share | 95 % interval | change to last week | weeks | failures | users | n eff. | theme | state |",
             "|---:|---|---|---|---:|---:|---:|---|---|"]
    for each in (*made.shown[:top], *made.attacks[:top]):
        lines.append(f"| {each.share:.1%} | {each.share_low:.1%} to {each.share_high:.1%} | {moved(each)} | "
                     f"{bars(spark(each))} | {each.size:,} | {each.users:,} | {each.n_effective:,.0f} | "
                     f"**{markdown(each.label)}** `{each.cluster_id}` | {state(each)} |")
    for each in made.shown[:top]:
        lines += ["", f"**{markdown(each.label)}**: {headline(each)}" + (f"; {impact(each)}" if each.impact else "")]
        lines += [f"- {markdown(part.label)} ({part.share:.0%} of it)" for part in each.subthemes if part.size]
        lines += [f"> {markdown(quote)}" for quote in each.quotes[:2]]
    return "\n".join([*lines, "", *(f"- {note}" for note in footnotes(made)), ""])
