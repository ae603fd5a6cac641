"""Judges: people's labels meet a judge's verdicts and become a calibration, which lets the judge gate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop.errors import EmptyError, EvalloopError, UsageError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project
from evalloop.loop.trials import find_run, open_engine

if TYPE_CHECKING:
    from evalloop.records.calibration import Calibration, Label
    from evalloop.records.case import Case, GraderSpec
    from evalloop.records.run import Grade, Run, Trial
    from evalloop.report.labels import Item, Table

SCHEMA = "evalloop.calibration/1"
SHOWN = 200
SHEET = ("id", "run", "repeat", "human", "input", "output", "asked")


@dataclass(frozen=True)
class Labelled:
    """Where labels and verdicts come from.

    ``labels`` is the file with people's verdicts; the judge's come from ``verdicts`` (a file with the same ids), from
    ``runs`` that it graded, or are asked for (the labels' file then holds the outputs). ``texts`` is a file with the
    outputs, for their length. ``fields`` names columns.
    """

    labels: str
    verdicts: str | None = None
    texts: str | None = None
    runs: tuple[str, ...] = ()
    evalset: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Found:
    """The labels that met a verdict, and what is known of the judge."""

    labels: list[Label]
    covers: dict[str, str]
    models: set[str]
    pairs: bool = False
    swayed: float | None = None


def calibrate(project: Project, judge: str, given: Labelled, *, name: str | None = None,
              on_asked: Callable[[int, int], None] | None = None) -> Calibration:
    """Measures a judge: a grader's name (or metric) as an evalset or a run has it, or any name for recorded verdicts.

    Raises EmptyError when no label meets a verdict. Nothing is written: see ``keep_calibration``.
    """
    from datetime import UTC, datetime

    from evalloop.report.calibration import measure
    from evalloop.report.labels import items
    from evalloop.store.files import read_digest

    table = _table(project, given.labels, given.fields)
    found = items(table)
    decided = [each for each in found if each.human is not None]
    if given.verdicts or table.column("judge") not in (None, table.column("human")):
        met = _recorded(project, judge, table, decided, given)
    elif given.runs:
        met = _from_runs(project, judge, table, decided, given.runs)
    else:
        met = _asked(project, judge, table, decided, given, on_asked)
    return measure(name or judge.replace("/", "-"), judge, met.labels, datetime.now(UTC).date().isoformat(),
                   covers=met.covers, model=", ".join(sorted(met.models)) or None, pairs=met.pairs,
                   undecided=len(found) - len(decided), swayed=met.swayed,
                   source=(Path(given.labels).name, read_digest(Path(given.labels))))


def keep_calibration(project: Project, made: Calibration) -> Path:
    """Writes the calibration for git; the one of that name before it is replaced."""
    from evalloop.store.files import write_json

    path = project.config.root / str(project.config.calibrations) / f"{made.name}.json"
    write_json(path, {"schema": SCHEMA, **made.to_dict()})
    return path


def calibrations(project: Project) -> list[Calibration]:
    """All calibrations of the project; raises RecordErrors for a file that is none."""
    from evalloop.errors import RecordError, RecordErrors
    from evalloop.records.calibration import Calibration
    from evalloop.store import schema
    from evalloop.store.files import read_json

    found = []
    for path in sorted((project.config.root / str(project.config.calibrations)).glob("*.json")):
        data = read_json(path)
        problems = schema.validate("calibration", data)
        if problems:
            raise RecordErrors([RecordError(each.message, file=str(path), field=each.field, fix=each.fix or
                                            "make it again: evalloop calibrate") for each in problems])
        found.append(Calibration.from_dict(data))
    return found


def label_sheet(project: Project, judge: str, runs: Sequence[str], place: Path, *, count: int, seed: int = 0) -> int:
    """Writes a CSV of ``count`` cases drawn at random, with the outputs of all runs, for people to fill in ``human``.

    The judge's verdict is not in it, so that nobody is led by it. Returns the number of rows.
    """
    from evalloop.store.files import write_csv
    from evalloop.store.runlog import read

    rows: dict[str, list[dict[str, Any]]] = {}
    for reference in runs:
        run, trials = read(find_run(project, reference))
        for trial in trials:
            if trial.reply is not None and _of_judge(trial, judge):
                asked = "\n".join(str(each.get("content", "")) for each in trial.messages if each.get("role") == "user")
                rows.setdefault(trial.case_id, []).append(
                    {"id": trial.case_id, "run": run.name, "repeat": trial.repeat, "human": "", "input": asked,
                     "output": trial.reply.text, "asked": judge})
    if not rows:
        raise EmptyError(f"no verdict of a judge {judge!r} in {', '.join(runs)}",
                         fix="name a grader that asks a model, as the evalset does")
    drawn = random.Random(seed).sample(sorted(rows), min(count, len(rows)))
    sheet = [row for case in drawn for row in rows[case]]
    write_csv(place, SHEET, sheet)
    return len(sheet)


def _table(project: Project, place: str, fields: Mapping[str, str]) -> Table:
    from evalloop.report.labels import Table

    source = next((each for each in project.host.all("sources") if each.matches(place)), None)
    if source is None:
        raise UsageError(f"no source reads {place}", fix="give a .csv, .jsonl or .parquet file")
    return Table(place, source.rows(place), fields)


def _recorded(project: Project, judge: str, table: Table, decided: Sequence[Item], given: Labelled) -> _Found:
    """Verdicts that stand in a file; with an evalset they count for its judges of that name."""
    from evalloop.records.calibration import Label
    from evalloop.report.calibration import digest_of
    from evalloop.report.labels import lengths, one_each, verdicts

    pairs = table.pairs("human")
    told = verdicts(_table(project, given.verdicts, given.fields) if given.verdicts else table, pairs)
    longer = lengths(_table(project, given.texts, given.fields) if given.texts else table)
    by_id = one_each(decided, table.place)
    output = {name: table.text(each.row, "output") for name, each in by_id.items()}
    labels = [Label(name, each.human or 0.0, told[name], digest_of(text) if (text := output[name]) else None,
                    longer.get(name)) for name, each in by_id.items() if name in told]
    covers = _covered(project, judge, given.evalset) if given.evalset else {}
    return _Found(labels, covers, set(), pairs)


def _from_runs(project: Project, judge: str, table: Table, decided: Sequence[Item], runs: Sequence[str]) -> _Found:
    """Verdicts of runs, each met by the label of its case, run and repeat."""
    from evalloop.report.calibration import digest_of
    from evalloop.store.runlog import read

    met, seen = _Found([], {}, set()), set()
    swayed: list[bool] = []
    by_case: dict[str, list[Item]] = {}
    for each in decided:
        by_case.setdefault(each.id, []).append(each)
    for reference in runs:
        run, trials = read(find_run(project, reference))
        names, asked = {run.name, run.run_id, run.variant.name}, _asked_in(project, judge, run)
        for trial in trials:
            grade = _of_judge(trial, judge)
            item = _label_of(trial, names, by_case.get(trial.case_id, ()), len(runs) > 1, table.place)
            if grade is None or item is None or grade.value is None or trial.reply is None or not grade.judge:
                continue
            digest = digest_of(trial.reply.text)
            if (trial.case_id, digest) not in seen:
                seen.add((trial.case_id, digest))
                met.labels.append(_label(trial.case_id, item, grade, digest, len(trial.reply.text)))
            met.covers[grade.judge] = asked.get(grade.judge, judge)
            met.models |= set(grade.evidence.get("judge", ()))
            swayed += [bool(grade.evidence["swayed_by_order"])] if "swayed_by_order" in grade.evidence else []
    met.swayed = sum(swayed) / len(swayed) if swayed else None
    return met


def _label(case: str, item: Item, grade: Grade, digest: str, length: int) -> Label:
    from evalloop.records.calibration import Label

    return Label(case, item.human or 0.0, float(grade.value or 0), digest, length)


def _label_of(trial: Trial, names: set[str], labels: Sequence[Item], several: bool, place: str) -> Item | None:
    """The label of a trial's output; raises UsageError when it could be of another run's."""
    found = [each for each in labels if (each.run is None or each.run in names)
             and each.repeat in (None, trial.repeat)]
    if several and any(each.run is None for each in found):
        raise UsageError(f"{place}: the label of {trial.case_id} does not say of which run it is",
                         fix="add a column run, or give one --run")
    return found[0] if found else None


def _of_judge(trial: Trial, judge: str) -> Grade | None:
    return next((each for each in trial.grades if each.judge and judge in (each.grader, each.metric)), None)


def _specs(project: Project, judge: str, cases: Iterable[Case]) -> Iterator[tuple[Case, GraderSpec, str]]:
    """(case, spec, identity) of each grader of that name or metric that asks a model."""
    from evalloop import grading

    graders = project.objects("graders")
    for case in cases:
        for spec in case.graders:
            if judge in (spec.type, spec.metric):
                identity = grading.judge_id(spec, graders, project.config.judge_model)
                if identity is not None:
                    yield case, spec, identity


def _asked_in(project: Project, judge: str, run: Run) -> dict[str, str]:
    """What the judges of a run's evalset are asked, by identity; nothing when the evalset is gone."""
    try:
        return _covered(project, judge, run.evalset_path)
    except EvalloopError:
        return {}


def _covered(project: Project, judge: str, evalset: str) -> dict[str, str]:
    graders = project.objects("graders")
    found = {identity: str(spec.options.get(graders[spec.type].short or "", spec.type))[:SHOWN]
             for _, spec, identity in _specs(project, judge, load_evalset(project, evalset).cases)}
    if not found:
        raise EmptyError(f"the evalset {evalset} has no judge {judge!r}", fix="name a grader that asks a model")
    return found


def _asked(project: Project, judge: str, table: Table, decided: Sequence[Item], given: Labelled,
           on_asked: Callable[[int, int], None] | None) -> _Found:
    """Verdicts that the judge is asked for now, on the outputs in the labels' file."""
    import asyncio

    if given.evalset is None:
        raise UsageError("nothing says what the judge said of these outputs",
                         fix="give --run RUN that it graded, --verdicts FILE, or --evalset NAME to ask it now")
    table.needs("output")
    asked = _covered(project, judge, given.evalset)
    cases = {case.id: (replace(case, graders=(spec,)), identity)
             for case, spec, identity in _specs(project, judge, load_evalset(project, given.evalset).cases)}
    work = [(item, *cases[item.id]) for item in decided if item.id in cases]
    if not work:
        raise EmptyError(f"no label is of a case with a judge {judge!r}", fix="the column id holds the ids of cases")
    return asyncio.run(_ask_all(project, table, work, asked, on_asked))


async def _ask_all(project: Project, table: Table, work: Sequence[tuple[Item, Case, str]], asked: Mapping[str, str],
                   on_asked: Callable[[int, int], None] | None) -> _Found:
    import asyncio

    from evalloop.records.call import Reply
    from evalloop.report.calibration import digest_of

    engine, met, done = open_engine(project), _Found([], {}, set()), 0

    async def one(item: Item, case: Case, identity: str) -> None:
        nonlocal done
        text = table.text(item.row, "output") or ""
        grade = (await engine.grades(case, Reply(text)))[0]
        done += 1
        if on_asked:
            on_asked(done, len(work))
        if grade.error:
            raise UsageError(f"the judge could not be asked about {case.id}: {grade.error}",
                             fix="mend it and run it again; answers so far are in the cache")
        if grade.value is not None:
            met.labels.append(_label(case.id, item, grade, digest_of(text), len(text)))
            met.covers[identity] = asked[identity]
            met.models |= set(grade.evidence.get("judge", ()))

    try:
        await asyncio.gather(*(one(*each) for each in work))
    finally:
        await engine.close()
    met.labels.sort(key=lambda label: label.case)
    return met
