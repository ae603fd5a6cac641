"""Tracing: a case, backward to the events that it was made of, and forward to the runs that asked it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evalloop.errors import UsageError
from evalloop.loop.evidence import detectors_of, has_events, open_evidence, open_log
from evalloop.loop.project import Project
from evalloop.loop.releases import list_releases
from evalloop.loop.themes import known_clusters, merged_into, theme_history

if TYPE_CHECKING:
    from evalloop.records.case import Case
    from evalloop.records.event import Event
    from evalloop.records.run import Run, Trial
    from evalloop.records.signal import Signal
    from evalloop.records.trace import CaseTrace, Named, TakenPart


def trace_case(project: Project, case_id: str) -> CaseTrace:
    """Where a case comes from (theme, signals, events, decisions) and what became of it (runs, releases).

    Raises UsageError when no evalset of the project has a case of that id.
    """
    from evalloop.cases import opinions
    from evalloop.records.trace import CaseTrace

    case = _case(project, case_id)
    named = str(case.provenance.get("cluster_id", ""))
    cluster_id = merged_into(project).get(named, named)
    wanted = [str(each) for each in case.provenance.get("events", ())]
    events, signals = _evidence(project, wanted)
    return CaseTrace(
        case, tuple(opinions.of_case(opinions.read(project.config.evalsets_dir), case_id)),
        next((each for each in known_clusters(project) if each.cluster_id == cluster_id), None) if named else None,
        tuple(theme_history(project, cluster_id)) if named else (), tuple(signals), tuple(events),
        tuple(sorted({*wanted} - {each.event_id for each in events})), tuple(taken_part(project, case_id)),
        tuple(_releases(project, cluster_id)) if named else ())


def taken_part(project: Project, case_id: str) -> Iterable[TakenPart]:
    """How the case fared in every run that asked it, the oldest run first."""
    from evalloop.runs.session import runs_folder
    from evalloop.store import runlog

    for path in runlog.paths(runs_folder(project.config)):
        run, trials = runlog.read(path, only=case_id)
        if found := list(trials):
            yield _part(run, found)


def _case(project: Project, case_id: str) -> Case:
    from evalloop.cases import suite
    from evalloop.store import schema

    graders = project.objects("graders")
    cases = {case.id: case for path in suite.find(project.config.evalsets_dir)
             for case in suite.load(path, graders).cases}
    if case_id not in cases:
        raise UsageError(f"no case {case_id!r} in {project.config.evalsets_dir}",
                         fix=schema.suggest(case_id, list(cases)[:50]))
    return cases[case_id]


def _evidence(project: Project, wanted: Sequence[str]) -> tuple[list[Event], list[Signal]]:
    """The events with these ids, and the signals on the responses that they speak of."""
    if not wanted or not has_events(project):
        return [], []
    with open_log(project) as log:
        events = sorted(log.find(wanted).values(), key=lambda each: (each.occurred_at, each.event_id))
    responses = sorted({each.response_id for each in events if each.response_id})
    return events, _signals(project, responses) if responses else []


def _signals(project: Project, responses: Sequence[str]) -> list[Signal]:
    from evalloop.signals.derive import records, together

    with open_evidence(project) as bench:
        every = together(bench.signals(detectors_of(project)))
        return list(records(bench.evidence, every.filter(every.response_id.isin(responses))))


def _part(run: Run, trials: Sequence[Trial]) -> TakenPart:
    from evalloop.records.trace import TakenPart

    ok = [each for each in trials if each.state == "ok"]
    scores = [each.score for each in ok if each.score is not None]
    failed = [each for each in ok if each.passed is False]
    why = next((f"{grade.grader}: {grade.explanation or grade.value}" for each in failed for grade in each.grades
                if grade.passed is False), next((each.error or "" for each in trials if each.state != "ok"), ""))
    return TakenPart(run.run_id, run.name, run.variant.name, run.variant_id, run.created_at,
                     sum(each.passed is True for each in ok), len(failed), sum(each.passed is None for each in ok),
                     len(trials) - len(ok), sum(scores) / len(scores) if scores else None, why)


def _releases(project: Project, cluster_id: str) -> Iterable[Named]:
    from evalloop.records.trace import Named

    for each in list_releases(project):
        checks = [check for check in each.checks if check.cluster_id == cluster_id]
        for expectation in each.expectations:
            if expectation.cluster_id == cluster_id:
                yield Named(each.name, each.created_at, expectation, checks[-1] if checks else None)
