"""``evalloop trace``: a case, backward to the events and forward to the runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from evalloop.cli.printing import say
from evalloop.loop import open_project, trace_case
from evalloop.printable import one_line
from evalloop.records.times import weeks_text

if TYPE_CHECKING:
    from evalloop.records.event import Event
    from evalloop.records.trace import CaseTrace, Named, TakenPart

EPILOG = """\b
Examples:
  evalloop trace broken-citations-1a2b3c4d
  evalloop trace broken-citations-1a2b3c4d --json

Exit 4: no evalset has a case of that id."""
SAID = ("text", "reason", "rating", "value", "score", "ideal", "status", "outcome")
SHOWN = 100


@click.command("trace", epilog=EPILOG)
@click.argument("case_id", metavar="CASE")
@click.option("--json", "as_json", is_flag=True, help="print JSON: everything, with the events as they were captured")
def command(case_id: str, as_json: bool) -> None:
    """Show where CASE comes from, and how it fared in every run.

    Backward: decisions of reviewers, the theme with its life, the signals on the answer, the events. Forward: each run
    that asked the case, and each release that speaks of its theme.
    """
    found = trace_case(open_project(), case_id)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    for title, lines in (("case", _case(found)), ("reviewed", _opinions(found)), ("theme", _theme(found)),
                         ("signals", _signals(found)), ("events", _events(found)), ("runs", map(_run, found.runs)),
                         ("releases", map(_release, found.releases))):
        told = list(lines)
        for number, line in enumerate(told or ["none"]):
            say(f"{'' if number else title:9s} {line}".rstrip(), hang=12)


def _case(found: CaseTrace) -> Iterator[str]:
    case = found.case
    yield f"{one_line(case.id)}, {case.status}, {case.split}, cluster {one_line(case.cluster)}"
    yield f"{one_line(str(case.file), limit=200)}:{case.line}"
    if chosen := case.provenance.get("chosen"):
        tried = ", ".join(f"{name}: {verdict}" for name, verdict in (case.provenance.get("fail_first") or {}).items())
        yield f"chosen as {chosen}" + (f"; tried on the answer complained about ({one_line(tried)})" if tried else "")


def _opinions(found: CaseTrace) -> Iterator[str]:
    for each in found.opinions:
        yield (f"{each.at[:16]}  {one_line(each.by)}: {each.verdict}" + " (second opinion)" * each.second
               + (f", {one_line(each.reason, limit=SHOWN)}" if each.reason else ""))
    origin = found.case.provenance
    if not found.opinions and "reviewed_by" in origin:
        yield f"{str(origin.get('reviewed_at', ''))[:16]}  {one_line(str(origin['reviewed_by']))}: accept"


def _theme(found: CaseTrace) -> Iterator[str]:
    origin, theme = found.case.provenance, found.theme
    if "cluster_id" not in origin:
        return
    weeks = weeks_text(str(origin.get("week", "?")), str(origin.get("since", "")))
    share = f", {origin['share']:.1%} of failures in {one_line(weeks)}" if "share" in origin else ""
    yield f"{one_line(str(origin['cluster_id']))}: {one_line(str(origin.get('theme', found.case.cluster)))}{share}"
    if theme:
        joined = f"part of {theme.cluster_id} " if theme.cluster_id != origin["cluster_id"] else ""
        yield (f"now {joined}{one_line(theme.label)}: {theme.status}, "
               f"{theme.share:.1%} in {weeks_text(theme.week, theme.since)}, "
               f"seen {theme.first_seen[:10]} to {theme.last_seen[:10]}")
    for move in found.moves:
        release = f" in {one_line(move.release)}" if move.release else ""
        yield f"{move.at[:16]}  {move.before} -> {move.status}{release}: {one_line(move.reason, limit=SHOWN)}"


def _signals(found: CaseTrace) -> Iterator[str]:
    for each in found.signals:
        weight = "" if each.weight == 1 else f", weight {each.weight:g}"
        words = f"  {one_line(each.text, limit=SHOWN)}" if each.text else ""
        yield f"{each.occurred_at[:16]}  {each.detector} ({each.kind}) {each.polarity:+.2f}{weight}{words}"


def _events(found: CaseTrace) -> Iterator[str]:
    yield from map(_event, found.events)
    if found.missing:
        yield f"not in the log (erased, pruned, or of another store): {one_line(', '.join(found.missing), limit=200)}"


def _event(event: Event) -> str:
    said = next((str(event.payload[name]) for name in SAID if event.payload.get(name) not in (None, "")),
                f"{_last(event, 'input')} -> {_last(event, 'output')}" if "output" in event.payload else "")
    return (f"{event.occurred_at[:16]}  {one_line(event.event_type)} {one_line(event.event_id)}"
            + (f"  {one_line(said, limit=SHOWN)}" if said else ""))


def _last(event: Event, side: str) -> str:
    """The last message that went in or came out."""
    block = event.payload.get(side)
    messages = block.get("messages") if isinstance(block, dict) else None
    last = messages[-1].get("content") if isinstance(messages, list) and messages else block
    return one_line(str(last or ""), limit=SHOWN // 2)


def _run(part: TakenPart) -> str:
    counts = [f"{count} {name}" for name in ("passed", "failed", "unscored", "errors")
              if (count := getattr(part, name))]
    why = f"  {one_line(part.why, limit=SHOWN)}" if part.why else ""
    return f"{part.created_at[:16]}  {one_line(part.name)} ({one_line(part.variant)}): {', '.join(counts)}{why}"


def _release(named: Named) -> str:
    said = named.check.verdict if named.check else "production was not asked yet"
    expected = named.expectation.direction
    return f"{named.created_at[:16]}  {one_line(named.release)}: expected {expected}; {one_line(said)}"
