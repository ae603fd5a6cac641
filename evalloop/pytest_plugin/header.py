"""The line that says what a session is about to run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evalloop.printable import many, one_line
from evalloop.pytest_plugin import is_eval_id
from evalloop.pytest_plugin.options import Options
from evalloop.pytest_plugin.state import Job, baseline_of, state_of


def header(config: pytest.Config, items: Sequence[pytest.Item]) -> str:
    """``evalloop: 12 cases x 2 variants, at most 24 calls, 50 in flight, gate against base``."""
    state = state_of(config)
    jobs: list[Job] = [item.evalloop_job for item in items if hasattr(item, "evalloop_job")]
    settings = state.project.config
    calls = sum(job.repeats for job in jobs)
    parts = [_counts(len({(job.evalset.path, job.case.id) for job in jobs}),
                     len({job.variant.name for job in jobs}), len(jobs))]
    if state.options.replay:
        parts.append(f"outputs of {', '.join(state.options.replay)}, no calls")
    else:
        parts += [f"at most {many(calls, 'call')}", f"{settings.concurrency} in flight"]
        parts.append("" if settings.cache else "no cache")
    names = {job.variant.name for job in jobs}
    evalsets = {job.evalset.path: job.evalset for job in jobs}.values()
    bases = sorted({baseline_of(state.project, state.options, evalset, names) or "" for evalset in evalsets} - {""})
    gated = {state.fail_on(evalset) for evalset in evalsets} == {"gate"}
    parts.append(f"{'gate' if gated else 'compared'} against {', '.join(bases)}" if bases else "")
    return _line([*parts, *_limits(state.options)])


def header_of_ids(config: pytest.Config, ids: Sequence[str]) -> str:
    """The same from node ids, which is all that an xdist controller knows."""
    found = [each.split("::") for each in ids if is_eval_id(each)]
    parts = [_counts(len({(each[0], each[1]) for each in found}), len({each[-1] for each in found}), len(found))]
    if config.getoption("dist", "no") == "load":
        parts.append("all on worker gw0")
    else:
        parts.append("each worker asks when it is an item's turn (--dist load asks ahead)")
    return _line([*parts, *_limits(Options.of(config))])


def _counts(cases: int, variants: int, items: int) -> str:
    text = f"{many(cases, 'case')} x {many(variants, 'variant')}"
    return text if items == cases * variants else f"{text} ({many(items, 'item')} selected)"


def _limits(options: Options) -> list[str]:
    return [f"budget ${options.budget:g}"] if options.budget is not None else []


def _line(parts: Sequence[str]) -> str:
    return one_line(f"evalloop: {', '.join(part for part in parts if part)}", limit=400)
