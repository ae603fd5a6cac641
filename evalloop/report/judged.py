"""What a judge may decide: verdicts without a calibration do not gate, deltas are corrected by people's labels.

A label speaks of one output, by the hash of its text. Where both outputs of a case are labelled, its difference is
known as people see it; PPI++ (stats.ppi_mean) carries what the judge gets wrong there over to the cases that only the
judge saw. Cases that no judge touches are a stratum of their own: their differences are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import hypot
from statistics import NormalDist, fmean, variance
from typing import Any, NamedTuple

from evalloop import stats
from evalloop.printable import many
from evalloop.records.calibration import FEWEST_LABELS, Calibration
from evalloop.records.report import Comparison, Delta, Gate, Score
from evalloop.records.run import Grade, Trial, score_of
from evalloop.report.approval import Approval
from evalloop.report.calibration import digest_of
from evalloop.report.compare import compare_all
from evalloop.report.gate import BLOCK, INCOMPLETE, INCONCLUSIVE
from evalloop.report.policy import Policy
from evalloop.report.scores import score_rows

Means = dict[str | None, dict[str, dict[str, float]]]
"""Cluster (None: the whole case) -> case -> variant -> mean score over its repeats."""
Sides = tuple[float, float]
"""Mean score of one case under the baseline and under the candidate."""


@dataclass
class Judges:
    """The judges of a comparison: which may gate, what people say, and what was seen of them in the trials."""

    calibrations: Mapping[str, Calibration]
    labels: Mapping[tuple[str, str, str], float]
    seen: dict[str, str] = field(default_factory=dict)
    cases: dict[str, set[str]] = field(default_factory=dict)
    lean: dict[str, list[Trial]] = field(default_factory=dict)
    by_people: dict[str, list[Trial]] = field(default_factory=dict)

    @classmethod
    def of(cls, calibrations: Iterable[Calibration]) -> Judges:
        """The judges that these calibrations cover; of two for one judge the later counts, labels are put together."""
        by_judge: dict[str, Calibration] = {}
        labels: dict[tuple[str, str, str], float] = {}
        for each in sorted(calibrations, key=lambda each: each.made_on):
            for judge in each.covers:
                by_judge[judge] = each
                labels |= {(judge, row.case, row.output): row.human for row in each.labels if row.output}
        return cls(by_judge, labels)

    def noting(self, variant: str, trials: Iterable[Trial]) -> Iterator[Trial]:
        """The trials as they are; what judges said in them is remembered."""
        for trial in trials:
            if any(grade.judge for grade in trial.grades):
                self._note(variant, trial)
            yield trial

    def _note(self, variant: str, trial: Trial) -> None:
        people = []
        digest = digest_of(trial.reply.text) if trial.reply and self.labels else ""
        for grade in trial.grades:
            if grade.judge:
                self.seen.setdefault(grade.judge, grade.metric or grade.grader)
                self.cases.setdefault(grade.judge, set()).add(trial.case_id)
                people.append(self.labels.get((grade.judge, trial.case_id, digest)))
        self.lean.setdefault(variant, []).append(replace(trial, reply=None, messages=()))
        if trial.state == "ok" and None not in people:
            verdicts = iter(people)
            grades = tuple(_as(grade, next(verdicts)) if grade.judge else grade for grade in trial.grades)
            self.by_people.setdefault(variant, []).append(
                replace(trial, reply=None, messages=(), grades=grades, score=score_of(grades)))

    def barred(self) -> set[str]:
        """The judges that may not gate: without a calibration, or no better than chance in it."""
        return {judge for judge in self.seen
                if judge not in self.calibrations or not self.calibrations[judge].better_than_chance}

    def gating(self, rows: Sequence[Score]) -> list[Score]:
        """The rows without what barred judges said; a case that has nothing else is left out."""
        barred = self.barred()
        stripped = {variant: [_without(trial, barred) for trial in trials if _rests_on(trial, barred)]
                    for variant, trials in self.lean.items()}
        touched = {trial.case_id for trials in stripped.values() for trial in trials}
        empty = {trial.case_id for trials in stripped.values() for trial in trials if not trial.grades}
        again = {variant: [each for each in trials if each.case_id not in empty]
                 for variant, trials in stripped.items()}
        done = {(variant, each.case_id, each.repeat) for variant, trials in again.items() for each in trials}
        kept = [row for row in rows if row.case not in touched or (
            row.case not in empty and (row.variant, row.case, row.repeat) not in done)]
        return kept + score_rows(again)

    def remarks(self) -> Iterator[str]:
        """What a reader of the gate must know of the judges."""
        for judge in sorted(self.barred(), key=self.seen.__getitem__):
            name, count = self.seen[judge], len(self.cases[judge])
            of_cases = many(count, "case")
            known = self.calibrations.get(judge)
            if known is None:
                yield (f"the judge {name} has no calibration: its verdicts on {of_cases} are reported, but decide "
                       f"nothing (evalloop calibrate {name} --run RUN --labels FILE)")
            else:
                yield (f"the judge {name} is not shown to agree with people better than by chance (kappa "
                       f"{known.kappa or 0:.2f}, {known.n} labels): its verdicts on {of_cases} decide nothing")


class Correction:
    """Corrects deltas by people's labels: ``correction(candidate, delta)`` is as people would see it.

    A delta with fewer than ``FEWEST_LABELS`` labelled pairs stays as it is.
    """

    def __init__(self, judges: Judges, rows: Iterable[Score], baseline: str, alpha: float) -> None:
        self._baseline = baseline
        self._alpha = alpha
        self._judged = {case for cases in judges.cases.values() for case in cases}
        self._judge = _means(rows)
        self._people = _means(score_rows(judges.by_people))

    def __call__(self, candidate: str, delta: Delta) -> Delta:
        """The corrected delta, its method saying so and its note what the judge alone says.

        Stays as it is where cases share a unit (the labels' error would be understated) and where nothing varies.
        """
        judge, people = (self._pairs(means, delta.cluster, candidate) for means in (self._judge, self._people))
        judged = [case for case in judge if case in self._judged]
        known = [case for case in judged if case in people]
        if len(known) < FEWEST_LABELS or delta.delta is None or delta.units is not None:
            return delta
        rest = [judge[case] for case in judged if case not in people]
        parts = _ppi([people[case] for case in known], [judge[case] for case in known], rest)
        exact = [sides for case, sides in judge.items() if case not in self._judged]
        found = _joined(parts, len(judged), exact)
        return self._told(delta, found, len(known)) if found.se else delta

    def _told(self, delta: Delta, found: _Rates, known: int) -> Delta:
        normal, value, se = NormalDist(), found.cand - found.base, found.se
        half, one_sided = (normal.inv_cdf(1 - part) * se for part in (self._alpha / 2, self._alpha))
        note = f"the judge alone: {delta.delta:+.3f}" + (f"; {delta.note}" if delta.note else "")
        return replace(delta, base=found.base, cand=found.cand, delta=value, se=se,
                       interval=(value - half, value + half), lower=value - one_sided,
                       p=2 * normal.cdf(-abs(value) / se),
                       p_exact=None, p_t=None, p_signflip=None, note=note,
                       mde80=(normal.inv_cdf(1 - self._alpha / 2) + normal.inv_cdf(0.8)) * se,
                       method=f"PPI++: {known} pairs labelled by people, the judge counts {found.weight:.2f}")

    def _pairs(self, means: Means, cluster: str | None, candidate: str) -> dict[str, Sides]:
        return {case: (scores[self._baseline], scores[candidate]) for case, scores in means.get(cluster, {}).items()
                if self._baseline in scores and candidate in scores}


class _Rates(NamedTuple):
    """Mean scores of both sides, the standard error of their difference, and the judge's weight."""

    base: float
    cand: float
    se: float
    weight: float


def _ppi(people: list[Sides], judge: list[Sides], rest: list[Sides]) -> _Rates:
    """The judged cases as people see them; the rates share the weight that is best for their difference."""
    true = _columns(people)
    if len(rest) < 2:
        changes = [after - before for before, after in people]
        return _Rates(fmean(true[0]), fmean(true[1]), (variance(changes) / len(changes)) ** 0.5, 0.0)
    seen, alone = _columns(judge), _columns(rest)
    result = stats.ppi_delta(true, seen, alone)
    weight = result.weight or 0.0
    base, cand = (fmean(human) + weight * (fmean(more) - fmean(said))
                  for human, said, more in zip(true, seen, alone, strict=True))
    return _Rates(base, cand, result.se or 0.0, weight)


def _columns(pairs: Sequence[Sides]) -> tuple[list[float], list[float]]:
    return [before for before, _ in pairs], [after for _, after in pairs]


def _joined(judged: _Rates, count: int, exact: list[Sides]) -> _Rates:
    """Both strata by their shares: ``count`` judged cases, and those that no judge touches."""
    if not exact:
        return judged
    share = count / (count + len(exact))
    base, cand = (share * one + (1 - share) * fmean(side) for one, side in
                  zip(judged[:2], zip(*exact, strict=True), strict=True))
    spread = (variance([after - before for before, after in exact]) / len(exact)) ** 0.5 if len(exact) > 1 else 0.0
    return _Rates(base, cand, hypot(share * judged.se, (1 - share) * spread), judged.weight)


def _means(rows: Iterable[Score]) -> Means:
    values: dict[tuple[str | None, str, str], list[float]] = {}
    for row in rows:
        if row.value is not None:
            values.setdefault((row.cluster, row.case, row.variant), []).append(row.value)
    means: Means = {}
    for (cluster, case, variant), each in values.items():
        means.setdefault(cluster, {}).setdefault(case, {})[variant] = fmean(each)
    return means


def _as(grade: Grade, human: float | None) -> Grade:
    """The grade as people gave it, on the scale of the judge's."""
    value = human or 0.0
    if isinstance(grade.value, bool):
        return replace(grade, value=value > 0.5, passed=value > 0.5)
    return replace(grade, value=value)


def _rests_on(trial: Trial, judges: set[str]) -> bool:
    return any(grade.judge in judges for grade in trial.grades if grade.judge)


def _without(trial: Trial, judges: set[str]) -> Trial:
    """The trial without the grades of these judges, and what is left of its score."""
    grades = tuple(grade for grade in trial.grades if grade.judge not in judges)
    verdicts = [grade.passed for grade in grades]
    passed = False if False in verdicts else (None if None in verdicts or not verdicts else True)
    broken = any(grade.error for grade in grades)
    return replace(trial, grades=grades, score=score_of(grades), passed=passed,
                   state=trial.state if broken or not grades else "ok", error=trial.error if broken else None)


def compare_judged(rows: Sequence[Score], names: Sequence[str], judges: Judges, policy: Policy, *,
                   approval: Approval | None = None, notes: Sequence[str] = (), **given: Any) -> tuple[Comparison, ...]:
    """The comparisons of variants with the first of ``names``; their gates rest on what may decide alone.

    ``rows`` are scores of trials that ``judges`` and ``approval`` noted. All are in the deltas; those of barred judges
    are out of the gate, which says so. ``given`` goes to ``compare_all``.
    """
    baseline, *candidates = names
    liked = approval or Approval(())
    if judges.by_people:
        given["correct"] = Correction(judges, rows, baseline, policy.alpha)
    wholes = compare_all(rows, baseline, candidates, policy=policy, notes=notes, right=liked.without_liking(),
                         **given)
    wholes = tuple(replace(each, gate=_named(each.gate, liked)) for each in wholes)
    barred = judges.barred()
    if not barred:
        return wholes
    left, remarks = judges.gating(rows), tuple(judges.remarks())
    there = {row.variant for row in left}
    able = [each for each in candidates if baseline in there and each in there]
    decided = compare_all(left, baseline, able, policy=policy, right=liked.without_liking(barred),
                          **given) if able else ()
    gates = {each.candidate: _named(each.gate, liked) for each in decided}
    return tuple(replace(each, gate=_remarked(gates.get(each.candidate), policy, remarks)) for each in wholes)


def _named(gate: Gate | None, approval: Approval) -> Gate | None:
    """The gate, which cannot pass while the guard against flattery rests on a name that means nothing."""
    unknown = approval.unknown()
    if gate is None or not unknown or gate.verdict == BLOCK:
        return gate
    told = f"the policy names {', '.join(unknown)} as approval, but no grader and no cluster is called so"
    return replace(gate, verdict=INCOMPLETE, reasons=(told, *gate.reasons))


def _remarked(gate: Gate | None, policy: Policy, remarks: tuple[str, ...]) -> Gate:
    found = gate or Gate(INCONCLUSIVE, ("no case can decide: every one rests on a judge that may not",),
                         policy.to_dict())
    return replace(found, reasons=(*found.reasons, *remarks))
