"""Preferences: what users did becomes training data that may leave the house."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop.contracts import TrainingData
from evalloop.errors import EmptyError, UsageError
from evalloop.loop.evidence import detectors_of, each_turn, failures, need_turns, open_evidence
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters

if TYPE_CHECKING:
    from evalloop.preferences.card import Told
    from evalloop.preferences.evidence import Evidence
    from evalloop.preferences.filters import Selection
    from evalloop.preferences.judged import JudgedAnswers
    from evalloop.preferences.pairs import Mined
    from evalloop.preferences.profile import Profiles
    from evalloop.records.case import Case
    from evalloop.records.preference import RubricRating

AT_ONCE = 250_000
"""Turns that are read and sorted together."""


@dataclass(frozen=True)
class Export:
    """What was written (nothing in a dry run), and the card that says what is in it and what was left out."""

    place: Path
    told: Told
    card: str


def export_training(project: Project, form: str, place: Path | None = None, *, settings: Selection | None = None,
                    licence: str = "not stated", dry_run: bool = False) -> Export:
    """Writes training data in a format, with a card (README.md) that tells counts, sources, filters and terms.

    Raises EmptyError when nothing is left to write, and says why.
    """
    from evalloop.preferences import card, filters, judged
    from evalloop.records.times import now_text

    chosen, settings = project.host.get("training_formats", form), settings or filters.Selection()
    mined, answers, ratings = _made(project, dict(_clusters_of_responses(project)))
    held = list(_texts_of_evalsets(project))
    selected = filters.select(mined.pairs, answers.answers, held, replace(settings, masker=project.masker))
    data = TrainingData(selected.pairs, selected.judged, ratings)
    told = card.Told(form, {}, {**mined.refused, **answers.refused}, selected.left_out, settings,
                     tuple(judged.agreement(ratings)), licence, now_text(), len(held))
    place = place or Path(form)
    if dry_run:
        return Export(place, told, card.card(data, told))
    _check_place(place)
    told = replace(told, written=chosen.write(data, place))
    if not told.written:
        raise EmptyError(f"nothing to write as {form}", fix=_why_nothing(told))
    text = card.card(data, told)
    _write_card(place, text)
    return Export(place, told, text)


def read_profiles(project: Project, by: str, *, users: Sequence[str] | None = None) -> Profiles:
    """What users take and leave, by a key of context or segment; with ``users`` (empty: all) by user instead."""
    from evalloop.preferences import profile

    with each_turn(project) as turns:
        return profile.by_group(turns, by, project.config.min_users) if users is None else profile.by_user(turns, users)


def _check_place(place: Path) -> None:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"{place} is there already", fix="name another folder with -o, or remove it first")


def _write_card(place: Path, text: str) -> None:
    from evalloop.store.files import write_text

    write_text(place / "README.md", text, private=True)


def _why_nothing(told: Told) -> str:
    reasons = sorted({**told.refused, **told.left_out}.items(), key=lambda each: -each[1])
    counted = ", ".join(f"{reason} ({count:,})" for reason, count in reasons[:4])
    return f"left out: {counted}" if counted else "events with votes, edits, corrections or new tries make pairs"


def _made(project: Project, clusters: Mapping[str, str]) -> tuple[Mined, JudgedAnswers, list[RubricRating]]:
    """All pairs, judged answers and ratings. Only turns that pairs or ratings can come of are in memory together;
    those that are judged pass one by one, and no other is read."""
    from evalloop.preferences import judged, pairs, select
    from evalloop.preferences.evidence import Evidence
    from evalloop.signals.derive import records, together
    from evalloop.signals.turns import in_order, turns

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        engine = bench.evidence.engine
        signals = engine.view(together(bench.signals(detectors_of(project))))
        paired = engine.keep(select.paired(bench.evidence, signals))
        few = Evidence.of(turns(bench.evidence, paired),
                          records(bench.evidence, signals.semi_join(paired, "response_id")))
        mined, ratings = pairs.mine(few, clusters), judged.ratings(few.turns.values())
        order = in_order(bench.evidence, engine.keep(select.clear(bench.evidence, signals)))
        return mined, judged.judge(_one_by_one(bench.evidence, signals, order), clusters), ratings


def _one_by_one(evidence: Any, signals: Any, order: Any) -> Iterator[Evidence]:
    """Each turn with the signals on it, a range of the order at a time: what is sorted fits into memory."""
    from evalloop.preferences.evidence import Evidence
    from evalloop.signals.derive import records
    from evalloop.signals.turns import InStep, turns

    engine = evidence.engine
    for first in range(0, engine.count(order), AT_ONCE):
        part = engine.keep(order.filter((order.number >= first) & (order.number < first + AT_ONCE)))
        step = InStep(records(evidence, signals, part), lambda signal: signal.response_id)
        for turn in turns(evidence, order=part):
            yield Evidence.of([turn], step.of(turn.response_id))


def _clusters_of_responses(project: Project) -> Iterator[tuple[str, str]]:
    """The cluster of each response that failed."""
    clusters = known_clusters(project)
    if not clusters:
        return
    of_failure = {name: each.cluster_id for each in clusters for name in each.member_ids}
    for failure in failures(project, words=False):
        if failure.response_id and failure.failure_id in of_failure:
            yield failure.response_id, of_failure[failure.failure_id]


def _texts_of_evalsets(project: Project) -> Iterator[str]:
    """Every text of every case of the project's evalsets, whatever its status and split."""
    from evalloop.cases import suite

    graders = project.objects("graders")
    for path in suite.find(project.config.evalsets_dir):
        for case in suite.load(path, graders).cases:
            yield from _texts_of(case)


def _texts_of(case: Case) -> Iterator[str]:
    from evalloop.cases.grow import prompt_of

    yield prompt_of(case)
    if isinstance(case.expected, str):
        yield case.expected

