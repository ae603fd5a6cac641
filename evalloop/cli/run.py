"""``evalloop run``: asks variants the cases of an evalset and grades the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

from evalloop import loop
from evalloop.cli.live import Live, summary_line
from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.printable import many, one_line
from evalloop.runs.estimate import Estimate
from evalloop.runs.plan import Options, Plan
from evalloop.runs.session import Outcome

EPILOG = """\b
Examples:
  evalloop run evalsets/citations --variant base --variant new=variants/new.yaml
  evalloop run citations --variant new --repeats 3 -j 20 --max-cost 2.00
  evalloop run citations --variant new --dry-run
  evalloop run --resume citations-new-20261123T101500000Z
  evalloop run --retry-errors @latest
  evalloop run --only-failed base-run --variant new"""


@click.command("run", epilog=EPILOG)
@click.argument("suite", required=False)
@click.option("--variant", "variants", multiple=True, metavar="NAME[=FILE]",
              help="what to run: a variant of the suite, variants/NAME.yaml, or a file (default: all of the suite)")
@click.option("--name", help="name of the run (default: evalset, variant and time)")
@click.option("-j", "--concurrency", type=click.IntRange(1), help="calls in flight at once, for each provider")
@click.option("--repeats", type=click.IntRange(1), default=1, help="how often each case is run, at least")
@click.option("--max-calls", type=click.IntRange(0), help="stop new calls after so many (judges included)")
@click.option("--max-tokens", type=click.IntRange(0), help="stop new calls after so many tokens")
@click.option("--max-cost", type=click.FloatRange(0), help="stop new calls after so many US dollars")
@click.option("--allow-unpriced", is_flag=True, help="with --max-cost: calls without a known price count as free")
@click.option("--cache/--no-cache", default=None, help="reuse answers to the same question")
@click.option("--resume", metavar="RUN", help="go on with a run; nothing in its log is paid twice")
@click.option("--retry-errors", metavar="RUN", help="do only the trials of a run again that ended in an error")
@click.option("--only-failed", metavar="RUN", help="only the cases that failed in a run, as a new run")
@click.option("--shard", metavar="I/N", help="only every N-th case, from the I-th")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="note for the run's header")
@click.option("--status", "statuses", multiple=True, metavar="STATUS",
              help="cases with this status (default: accepted)")
@click.option("--dry-run", is_flag=True, help="show what would be run, with calls, tokens and cost; call nothing")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(suite: str | None, variants: tuple[str, ...], concurrency: int | None, cache: bool | None,
            resume: str | None, retry_errors: str | None, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Ask variants the cases of an evalset and grade the answers, into one run log per variant.

    Exit 0 when every trial was graded (whatever the grades: compare and gate judge them), 7 when calls or graders
    failed or the budget was spent; then --resume goes on. Ctrl-C stops new calls, lets those in flight end, and leaves
    a run that can be resumed.
    """
    project = loop.open_project(concurrency=concurrency, cache=cache)
    options = _options(given)
    again = resume or retry_errors
    if again:
        if suite or variants or dry_run or options.only_failed or (resume and retry_errors):
            raise UsageError("--resume and --retry-errors go on with what one run began with",
                             fix="leave out SUITE, --variant, --only-failed and --dry-run")
        return _carry_out(project, [loop.find_run(project, again).stem], as_json, lambda live: [
            loop.resume_run(project, again, options, live.note, only_errors=bool(retry_errors))])
    if options.only_failed:
        past = loop.read_run(project, options.only_failed)
        options = replace(options, only_failed=past.name)
        suite, variants = suite or past.evalset_path, variants or (past.variant.name,)
    if not suite:
        raise UsageError("no evalset named", fix="evalloop run SUITE --variant NAME")
    evalset = loop.load_evalset(project, suite)
    chosen = loop.choose_variants(project, evalset, variants)
    if not chosen:
        raise UsageError(f"evalset {evalset.name} names no variants", fix="give --variant NAME=FILE")
    if options.name and len(chosen) > 1:
        raise UsageError("one --name for several variants", fix="run them one by one, or leave --name out")
    plans = loop.plan_runs(project, evalset, chosen.values(), options)
    for name in loop.self_judges(project, evalset, chosen.values()):
        click.echo(one_line(f"warning: variant {name} is judged by its own model; set another judge_model", limit=200),
                   err=True)
    if dry_run:
        return _show(plans, loop.estimate_runs(project, plans), as_json)
    return _carry_out(project, [plan.run.name for plan in plans], as_json,
                      lambda live: loop.run_plans(project, plans, options, live.note))


def _options(given: dict[str, Any]) -> Options:
    shard, tags = given.pop("shard"), given.pop("tags")
    return Options(**{**given, "statuses": given["statuses"] or ("accepted",)}, shard=_shard(shard), tags=_tags(tags))


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise UsageError(f"{text!r} is no shard", fix="--shard 1/4 is the first of four")
    return int(number), int(count)


def _tags(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"{text!r} is no tag", fix="--tag key=value")
    return dict(text.split("=", 1) for text in texts)


def _show(plans: Sequence[Plan], estimates: Sequence[Estimate], as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps([
            {"run": plan.run.name, "variant": plan.run.variant.name, "target": plan.run.variant.target,
             "model": plan.run.variant.model, "cases": len(plan.cases), **each.to_dict()}
            for plan, each in zip(plans, estimates, strict=True)], indent=1))
        return ExitCode.OK
    for plan, each in zip(plans, estimates, strict=True):
        say(one_line(f"{plan.run.name}: {_told(plan, each)}", limit=400))
        say(f"    {one_line(each.basis, limit=300)}")
    return ExitCode.OK


def _told(plan: Plan, each: Estimate) -> str:
    variant = plan.run.variant
    parts = [f"{many(len(plan.cases), 'case')}, {many(each.trials, 'trial')}",
             f"{many(each.calls, 'call')} of {variant.target}"
             + (f" {variant.model}" if variant.model else "")]
    if each.cached:
        parts.append(f"{many(each.cached, 'answer')} without a call")
    if each.judge_calls:
        parts.append(f"at most {many(each.judge_calls, 'judge call')}")
    if each.input_tokens is not None:
        out = "an unknown number" if each.output_tokens is None else f"{each.output_tokens:,}"
        parts.append(f"about {each.input_tokens:,} tokens in and {out} out")
    parts.append("cost unknown" if each.cost is None else f"about ${each.cost:.4f}")
    return ", ".join(parts)


def _carry_out(project: loop.Project, names: Sequence[str], as_json: bool, work: Callable[[Live], list[Outcome]]
               ) -> int:
    with Live() as live:
        try:
            outcomes = work(live)
        except KeyboardInterrupt:
            _say_interrupted(project, names)
            return ExitCode.INTERRUPTED
    tell(outcomes, live, as_json)
    whole = not any(each.summary.errors or each.summary.stopped or _left(each) for each in outcomes)
    return ExitCode.OK if whole else ExitCode.INCOMPLETE


def _say_interrupted(project: loop.Project, names: Sequence[str]) -> None:
    """Which of the runs can be gone on with, and which were not begun."""
    done = {run.name: bool(summary and not summary.stopped) for run, summary in loop.list_runs(project)}
    click.echo("interrupted", err=True)
    for name in names:
        if name not in done:
            click.echo(f"    not begun: {name}", err=True)
        elif not done[name]:
            click.echo(f"    go on with: evalloop run --resume {name}", err=True)


def _left(outcome: Outcome) -> int:
    return outcome.summary.planned - outcome.summary.trials


def tell(outcomes: Sequence[Outcome], live: Live, as_json: bool) -> None:
    """Prints what the sittings did; errors and the way on go to stderr."""
    if as_json:
        click.echo(json.dumps([{"run": each.run.name, "run_id": each.run.run_id, "path": str(each.path),
                                "variant": each.run.variant.name, **each.summary.to_dict()} for each in outcomes],
                              indent=1))
    for each in outcomes:
        if not as_json:
            say(summary_line(each.run.name, each.summary))
        if each.summary.flaky:
            click.echo(f"    flaky graders (they disagreed with themselves): {', '.join(each.summary.flaky)}", err=True)
        if each.summary.stopped:
            click.echo(f"    stopped: {one_line(each.summary.stopped, limit=300)}", err=True)
        elif _left(each):
            click.echo(f"    {many(_left(each), 'trial')} not begun", err=True)
        if each.summary.stopped or each.summary.errors or _left(each):
            click.echo(f"    go on with: evalloop run --resume {each.run.name}", err=True)
    live.say_errors()
