"""Runs: evalsets meet variants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evalloop.errors import ConfigError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from datetime import datetime

    from evalloop.records.call import Reply
    from evalloop.records.case import Evalset
    from evalloop.records.run import Run, Summary
    from evalloop.records.variant import Variant
    from evalloop.runs.estimate import Estimate
    from evalloop.runs.plan import Options, Plan
    from evalloop.runs.regrade import Saved
    from evalloop.runs.session import Engine, Kit, OnTrial, Outcome, Sitting
    from evalloop.store.cache import CacheStats
    from evalloop.store.runlog import RunLog

Result = TypeVar("Result")


def plan_runs(project: Project, evalset: Evalset, variants: Iterable[Variant], options: Options) -> list[Plan]:
    """The plans of new runs, one per variant, checked as far as that costs nothing."""
    from evalloop.runs import plan
    from evalloop.runs.session import check
    from evalloop.store import git

    commit = git.commit(project.config.root)
    failed = _failed_in(project, options.only_failed)
    path = Path(evalset.path).resolve()
    if path.is_relative_to(project.config.root):
        evalset = replace(evalset, path=str(path.relative_to(project.config.root)))
    plans = [plan.new(evalset, variant, options, versions=_versions(project, evalset, variant), git_commit=commit,
                      seed=project.config.seed, failed=failed) for variant in variants]
    asked = {case.id for each in plans for case in each.cases}
    check_services(project, replace(evalset, cases=tuple(case for case in evalset.cases if case.id in asked)))
    for each in plans:
        check(each, project.objects("graders"), project.host.get("targets", each.run.variant.target))
    _check_prices(project, [each.run.variant for each in plans], evalset, options)
    return plans


def check_services(project: Project, evalset: Evalset) -> None:
    """Raises ConfigError for a grader that needs a judge model where none is set, before anything is paid for."""
    graders = project.objects("graders")
    for case in evalset.cases:
        for spec in case.graders:
            if spec.type in graders and "judge" in graders[spec.type].needs and not (
                    project.config.judge_model or spec.options.get("model")):
                raise ConfigError(f"the grader {spec.type} of case {case.id} asks a judge model, and none is set",
                                  file=f"{case.file}:{case.line}" if case.file else "", key="judge_model",
                                  fix='judge_model = "provider/name" in evalloop.toml, or EVALLOOP_JUDGE_MODEL')


def run_plans(project: Project, plans: Sequence[Plan], options: Options, on_trial: OnTrial | None = None
              ) -> list[Outcome]:
    """Carries out new runs at once within one budget; a run that could not end can be resumed."""
    work = [(plan, project.host.get("targets", plan.run.variant.target)) for plan in plans]
    return _sit(project, lambda sitting: sitting.run_all(work), options, on_trial)


def estimate_runs(project: Project, plans: Sequence[Plan]) -> list[Estimate]:
    """What plans would ask and pay, as far as that can be told without a call; nothing is written."""
    from evalloop.runs.estimate import estimate, past
    from evalloop.runs.session import cache_path, runs_folder
    from evalloop.store.cache import CallCache
    from evalloop.store.runlog import paths

    path, logs = cache_path(project.config), paths(runs_folder(project.config))
    with CallCache(path) if project.config.cache and path.is_file() else nullcontext() as cache:
        return [estimate(plan, project.host.get("targets", plan.run.variant.target), project.objects("graders"),
                         cache=cache, merge=project.config.cache, past=past(plan.run, logs)) for plan in plans]


def resume_run(project: Project, reference: str, options: Options, on_trial: OnTrial | None = None, *,
               only_errors: bool = False) -> Outcome:
    """Goes on with a run: what its log holds is not asked again, what ended in an error is.

    ``only_errors`` leaves trials that were never begun for another time. An old error stands in the log until its
    trial has a better end.
    """
    from evalloop.runs import plan
    from evalloop.store.runlog import RunLog, read

    with RunLog.open(find_run(project, reference)) as log:
        evalset = load_evalset(project, log.run.evalset_path)
        left = plan.resume(log.run, evalset, read(log.path)[1], only_errors=only_errors)
        _check_prices(project, [log.run.variant], evalset, options)
        target = project.host.get("targets", log.run.variant.target)
        return _sit(project, lambda sitting: sitting.run(left, target, log), options, on_trial)


def regrade_run(project: Project, reference: str, *, grader: str | None = None, name: str | None = None,
                on_trial: OnTrial | None = None) -> Outcome:
    """Grades the saved outputs of a run again, without a call of its variant, into a new run."""
    from evalloop.runs import regrade
    from evalloop.runs.plan import Options
    from evalloop.store import git
    from evalloop.store.runlog import read

    path = find_run(project, reference)
    run, trials = read(path)
    evalset = load_evalset(project, run.evalset_path)
    graders = project.objects("graders")
    planned = sum(1 for _ in regrade.items(read(path)[1], evalset, graders, grader))
    header = regrade.header(run, evalset, name=name, versions=_versions(project, evalset, run.variant),
                            git_commit=git.commit(project.config.root))
    items = regrade.items(trials, evalset, graders, grader)
    return _sit(project, lambda sitting: sitting.regrade(header, regrade.NoCalls(), items, planned), Options(),
                on_trial)


def find_run(project: Project, reference: str, like: Run | None = None) -> Path:
    """The log that a name, a path, ``@latest``, ``@{-1}``, a run id or a git reference means.

    ``@baseline`` means the kept baseline of the evalset that ``like`` is a run of. Of several runs of one commit, the
    newest of those most ``like`` another run is taken.
    """
    from evalloop.runs.session import runs_folder
    from evalloop.store import runlog

    if reference == "@baseline":
        from evalloop.loop.baselines import baseline_of

        return baseline_of(project, like)
    return runlog.resolve(runs_folder(project.config), reference, root=project.config.root, like=like)


def read_run(project: Project, reference: str) -> Run:
    """The header of a run."""
    from evalloop.store import runlog

    return runlog.header(find_run(project, reference))


def list_runs(project: Project) -> list[tuple[Run, Summary | None]]:
    """All runs, the oldest first, each with the summary of its last sitting (None: killed, or still at work)."""
    from evalloop.runs.session import runs_folder
    from evalloop.store import runlog

    return [(runlog.header(path), runlog.last_summary(path)) for path in runlog.paths(runs_folder(project.config))]


def merge_runs(project: Project, references: Sequence[str], name: str | None = None) -> Outcome:
    """Makes one run of the shards of one run."""
    from evalloop.runs import merge
    from evalloop.runs.session import runs_folder

    return merge.merge([find_run(project, each) for each in references], runs_folder(project.config), name)


def cache_stats(project: Project) -> CacheStats | None:
    """What the call cache holds; None when there is none yet."""
    from evalloop.runs.session import cache_path
    from evalloop.store.cache import CallCache

    path = cache_path(project.config)
    if not path.is_file():
        return None
    with CallCache(path) as cache:
        return cache.stats()


def prune_cache(project: Project, *, days: float | None = None, max_mb: float | None = None) -> int:
    """Drops answers older than ``days``, then the oldest until the rest takes ``max_mb``; returns how many."""
    from evalloop.runs.session import cache_path
    from evalloop.store.cache import CallCache

    path = cache_path(project.config)
    if not path.is_file():
        return 0
    with CallCache(path) as cache:
        return cache.prune(days=days, max_mb=max_mb)


def export_run(project: Project, reference: str, form: str, place: Path | None = None) -> tuple[Path, int]:
    """Writes the trials of a run in a foreign format; returns the place and the number of rows."""
    from evalloop.store.runlog import read

    exporter = project.host.get("exporters", form)
    run, trials = read(find_run(project, reference))
    place = place or Path(run.name + exporter.suffix)
    return place, exporter.export(run, trials, place)


def open_engine(project: Project, *, budget: float | None = None) -> Engine:
    """Trials one by one, for hosts with items of their own (pytest); call it on the event loop that will ask.

    ``budget`` is in US dollars; when it is spent no new call starts.
    """
    from evalloop.runs.budget import Budget
    from evalloop.runs.session import Engine

    return Engine(_kit(project, None), Budget(max_cost=budget), project.objects("targets"))


def open_log(project: Project, evalset: Evalset, variant: Variant, *, case_ids: Sequence[str], created: datetime,
             repeats: int, tags: Mapping[str, str]) -> RunLog:
    """A new log for a host that makes the trials itself; with ``case_ids`` the run can be resumed."""
    from evalloop.records.run import Run
    from evalloop.runs.plan import default_name
    from evalloop.runs.session import runs_folder
    from evalloop.store import git, runlog

    config = project.config
    path = Path(evalset.path).resolve()
    run = Run(run_id=runlog.new_id(), name=default_name(evalset.name, variant.name, created), evalset=evalset.name,
              evalset_path=str(path.relative_to(config.root) if path.is_relative_to(config.root) else path),
              evalset_digest=evalset.digest, variant=variant, variant_id=variant.id,
              created_at=created.isoformat(timespec="milliseconds"), repeats=repeats, cases=len(case_ids),
              seed=config.seed, git_commit=git.commit(config.root), plugins=project.host.versions(), tags=tags,
              case_ids=tuple(case_ids))
    return runlog.RunLog.create(runs_folder(config), run)


def open_saved(project: Project, references: Sequence[str]) -> Saved:
    """The outputs of these runs."""
    from evalloop.runs.regrade import Saved
    from evalloop.store.runlog import read

    return Saved(read(find_run(project, reference)) for reference in references)


def _sit(project: Project, work: Callable[[Sitting], Awaitable[Result]], options: Options,
         on_trial: OnTrial | None) -> Result:
    """Does ``work`` within one sitting on an event loop of its own."""
    import asyncio

    from evalloop.runs.budget import Budget
    from evalloop.runs.session import Sitting

    async def sit() -> Result:
        with Sitting(_kit(project, on_trial), budget) as sitting:
            return await work(sitting)

    budget = Budget(options.max_calls, options.max_tokens, options.max_cost, options.allow_unpriced)
    return asyncio.run(sit())


def _failed_in(project: Project, reference: str | None) -> frozenset[str]:
    from evalloop.runs.plan import failed_cases
    from evalloop.store.runlog import read

    return failed_cases(read(find_run(project, reference))[1]) if reference else frozenset()


def _check_prices(project: Project, variants: Iterable[Variant], evalset: Evalset, options: Options) -> None:
    """Refuses a budget of money that could not be kept, before anything is paid."""
    from evalloop.grading import used
    from evalloop.runs.prices import check, check_judge

    if options.max_cost is None or options.allow_unpriced:
        return
    check(variants, project.objects("targets"))
    config, graders = project.config, project.objects("graders")
    asked = used((spec for case in evalset.cases for spec in case.graders), graders)
    if config.judge_model and any("judge" in graders[name].needs for name in asked & graders.keys()):
        from evalloop.model import price

        check_judge(config.judge_model, None if config.judge_base_url else price(config.judge_model))


def _kit(project: Project, on_trial: OnTrial | None) -> Kit:
    """What runs need of the host; the judge is asked through litellm, which loads when a grader first asks."""
    from evalloop.runs.session import Kit

    async def complete(messages: Sequence[Mapping[str, Any]], model: str, params: Mapping[str, Any]) -> Reply:
        from evalloop import model as judge

        return await judge.complete(messages, model, params, base_url=config.judge_base_url or None,
                                    api_key=judge.judge_key())

    config = project.config
    embedder = config.embedder if config.embedder in project.host.names("embedders") else None
    return Kit(config, project.objects("graders"), complete, embedder and project.host.get("embedders", embedder),
               on_trial)


def self_judges(project: Project, evalset: Evalset, variants: Iterable[Variant]) -> list[str]:
    """The names of the variants whose model is also the judge of this evalset; such a judge is no neutral one."""
    graders = project.objects("graders")
    asked = any("judge" in graders[name].needs for name in _used(evalset, graders) & set(graders))
    judge = project.config.judge_model.rpartition("/")[2]
    return [each.name for each in variants if asked and judge and (each.model or "").rpartition("/")[2] == judge]


def _used(evalset: Evalset, graders: Mapping[str, Any]) -> set[str]:
    """The names of the graders that the cases ask for, those inside other graders too."""
    from evalloop import grading

    return grading.used((spec for case in evalset.cases for spec in case.graders), graders)


def _versions(project: Project, evalset: Evalset, variant: Variant) -> dict[str, str]:
    """What a run's header says of the code: python, evalloop, the plugins, the target and the graders used."""
    import platform

    from evalloop import __version__

    target = project.host.get("targets", variant.target)
    graders = project.objects("graders")
    used = sorted(_used(evalset, graders) & set(graders))
    return {"python": platform.python_version(), "evalloop": __version__, **project.host.versions(),
            f"target {target.name}": target.version, **{f"grader {name}": graders[name].version for name in used}}
