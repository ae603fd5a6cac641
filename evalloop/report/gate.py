"""The gate: turns a comparison into PASS, BLOCK, INCONCLUSIVE or INCOMPLETE, with the reasons in plain words.

BLOCK          a must-pass case fails in more than half of its runs; or overall is worse at alpha; or a budget of cost
               or latency is exceeded beyond what chance explains; or what is graded beside users' approval is worse at
               alpha, whatever the approval gained; or a protected cluster is worse at alpha, unadjusted,
               and again in a fresh run with doubled repeats
INCOMPLETE     something could not be measured, and it could change the verdict
PASS           the one-sided limit of the overall delta lies above -margin, no alarm is open, and the target, if the
               release names one, is better beyond its own one-sided limit
INCONCLUSIVE   otherwise

Error rates of these rules, and of simpler ones, were simulated: a gate on the sign of the delta blocks 99 % of releases
that changed nothing, Holm's adjustment misses nine of ten clusters that truly lost 25 points.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalloop.errors import ExitCode
from evalloop.printable import many
from evalloop.records.report import Change, Comparison, Delta, Gate
from evalloop.report.policy import Policy
from evalloop.report.wording import Words, p_value

PASS, BLOCK, INCONCLUSIVE, INCOMPLETE = "PASS", "BLOCK", "INCONCLUSIVE", "INCOMPLETE"
EXIT_CODES = {PASS: ExitCode.OK, BLOCK: ExitCode.GATE_FAILED, INCONCLUSIVE: ExitCode.INCONCLUSIVE,
              INCOMPLETE: ExitCode.INCOMPLETE}


def decide(comparison: Comparison, policy: Policy, *, confirmation: Comparison | None = None) -> Gate:
    """The verdict on ``comparison``; ``confirmation`` is the same comparison on fresh runs with doubled repeats."""
    case = _Case(comparison, policy, confirmation)
    for verdict, reasons in ((BLOCK, [*case.blocking()]), (INCOMPLETE, [*case.unmeasured()]),
                             (INCONCLUSIVE, [*case.open_questions()])):
        if reasons:
            return Gate(verdict, (*reasons, *case.remarks()), policy.to_dict())
    return Gate(PASS, (*case.supports(), *case.remarks()), policy.to_dict())


def alarms(comparison: Comparison, policy: Policy) -> list[str]:
    """The protected clusters that are worse at alpha, unadjusted, and that no confirming run has spoken on yet."""
    return [*_Case(comparison, policy, None).alarms()]


class _Case:
    """One comparison before the gate."""

    def __init__(self, comparison: Comparison, policy: Policy, confirmation: Comparison | None) -> None:
        self.comparison = comparison
        self.policy = policy
        self.words = Words.of(comparison)
        self.right = comparison.right
        self.clusters = {str(delta.cluster): delta for delta in comparison.clusters}
        self.again = {str(delta.cluster): delta for delta in confirmation.clusters} if confirmation else None

    def blocking(self) -> Iterator[str]:
        """Reasons to block."""
        for name, count in self.comparison.must_pass.items():
            if 2 * count["failed"] > count["runs"]:
                yield f"must-pass case {name} fails in {count['failed']} of {many(count['runs'], 'run')}"
        if self._worse(self.comparison.overall):
            yield f"overall worse: {self.words.evidence(self.comparison.overall)}"
        yield from self._over_budget(surely=True)
        if self.right and self._worse(self.right):
            yield (f"what is right is worse: {self.words.evidence(self.right)} without {self._liked()}; a gain in what "
                   "users like does not pay for it")
        for name in self.alarms():
            if self.again is not None and name in self.again and self._worse(self.again[name]):
                yield (f"protected cluster {name} is worse ({self.words.evidence(self.clusters[name])}) and again in "
                       f"the confirming run ({self.words.evidence(self.again[name])})")

    def _over_budget(self, *, surely: bool) -> Iterator[str]:
        """Budgets that the candidate's mean answer exceeds: beyond what chance explains, or only on the face of it."""
        overall, policy = self.comparison.overall, self.policy
        for name, unit in (("cost", "$"), ("latency", "s")):
            change: Change | None = getattr(overall, name)
            if change is None:
                continue
            limit, allowed = getattr(policy, f"max_{name}"), getattr(policy, f"max_{name}_change")
            if limit is not None and change.cand > limit:
                sure = change.low is None or change.low > limit
                if sure == surely:
                    yield f"mean {name} of an answer is {change.cand:.4g} {unit}, the budget is {limit:g} {unit}"
            if allowed is not None and change.delta > allowed * change.base:
                sure = change.interval is None or change.interval[0] > allowed * change.base
                if sure == surely:
                    yield (f"mean {name} of an answer rose from {change.base:.4g} to {change.cand:.4g} {unit}, the "
                           f"policy allows {allowed * 100:g} % more")

    def unmeasured(self) -> Iterator[str]:
        """What could not be measured and could change the verdict."""
        overall, bounds, limit = self.comparison.overall, self.comparison.bounds, -self.policy.margin
        if not overall.n:
            yield "no case has a score under both variants"
            return
        for name, count in self.comparison.must_pass.items():
            if not count["runs"]:
                yield f"must-pass case {name} has no scored run of the candidate"
        yield from (f"the policy names cluster {name}, but no case of it has a score under both variants"
                    for name in self._named() if not self.clusters.get(name) or not self.clusters[name].n)
        for name in ("cost", "latency"):
            if getattr(self.comparison.overall, name) is None and self.policy.limits(name):
                yield f"the policy has a budget for {name}, but no answer tells its {name} under both variants"
        if not bounds or not self._broken():
            return
        passes = overall.lower is not None and overall.lower > limit
        if passes and bounds.get("worst_lower", limit) <= limit:
            yield (f"{self._missing()}; had they all spoken against the candidate, the one-sided limit would be "
                   f"{self.words.delta(bounds.get('worst_lower'))}: not within the margin of {self.words.size(-limit)}")
        if not passes and bounds.get("best_lower", limit) > limit:
            yield f"{self._missing()}; with them the evidence could be enough"

    def open_questions(self) -> Iterator[str]:
        """Why the evidence does not suffice for PASS."""
        overall, policy = self.comparison.overall, self.policy
        if overall.n < policy.min_n:
            yield f"only {overall.n} paired cases, the policy asks for {policy.min_n}"
        if not self._kept(overall):
            yield self._not_within_margin(overall)
        if self.right and self._kept(overall) and not self._kept(self.right):
            yield (f"not enough evidence that what is right is kept: {self.words.evidence(self.right)} without "
                   f"{self._liked()}{self._needed(self.right)}")
        yield from (f"{told}; chance alone could explain it" for told in self._over_budget(surely=False))
        for name in self.alarms():
            if self.again is None or name not in self.again:
                yield (f"alarm: protected cluster {name} is worse, {self.words.evidence(self.clusters[name])}; one in "
                       f"twenty such alarms is chance, so a rerun with doubled repeats must confirm it: "
                       f"{rerun_command(self.comparison)}")
        if policy.target and (delta := self.clusters.get(policy.target)) and not (delta.lower or 0) > 0:
            yield (f"the release claims to improve {policy.target}, but that is not shown: "
                   f"{self.words.evidence(delta)}{self._needed(delta)}")

    def supports(self) -> Iterator[str]:
        """What a PASS rests on."""
        overall = self.comparison.overall
        yield (f"overall {self.words.evidence(overall)}; one-sided limit {self.words.delta(overall.lower)}, "
               f"the margin is {self.words.size(self.policy.margin)}")
        if self.right:
            yield f"what is right, without {self._liked()}: {self.words.evidence(self.right)}"
        if self.policy.target:
            yield f"target {self.policy.target} is better: {self.words.evidence(self.clusters[self.policy.target])}"
        for name in self.alarms():
            yield f"alarm on protected cluster {name} lifted: the confirming run does not show it again"

    def remarks(self) -> Iterator[str]:
        """What a reader should know whatever the verdict."""
        better = {name for name, delta in self.clusters.items() if delta.verdict == "improved"}
        liked = sorted(better & set(self.policy.approval))
        if liked and not better - set(self.policy.approval):
            yield (f"warning: only what users like improved ({', '.join(liked)}), nothing that measures whether "
                   "answers are right or help: check for flattery before release")
        same = self.comparison.overall.at_equal_length
        if self.comparison.overall.verdict == "improved" and same and not (same.p or 1) < self.policy.alpha:
            yield (f"warning: answers changed in length, and at equal length the gain is not shown "
                   f"({self.words.delta(same.delta)}, p {p_value(same.p)}): graders may like long answers")
        if self.comparison.overall.dropped and self.comparison.overall.n:
            yield self._missing()

    def _named(self) -> Iterator[str]:
        yield from dict.fromkeys(name for name in (self.policy.target, *self.policy.protected) if name)

    def alarms(self) -> Iterator[str]:
        """The protected clusters that are worse at alpha."""
        for name in self.policy.protected:
            if name in self.clusters and self._worse(self.clusters[name]):
                yield name

    def _worse(self, delta: Delta) -> bool:
        return delta.p is not None and delta.p < self.policy.alpha and (delta.delta or 0) < 0

    def _kept(self, delta: Delta) -> bool:
        """Whether it is shown to be no worse than the margin."""
        return delta.lower is not None and delta.lower > -self.policy.margin

    def _liked(self) -> str:
        return ", ".join(self.policy.approval)

    def _broken(self) -> bool:
        return any(name.endswith((" errors", " without a score")) for name in self.comparison.errors)

    def _missing(self) -> str:
        counted = ", ".join(f"{count} {name}" for name, count in self.comparison.errors.items())
        dropped = self.comparison.overall.dropped
        return f"{dropped} {'case has' if dropped == 1 else 'cases have'} no pair of scores ({counted})"

    def _not_within_margin(self, overall: Delta) -> str:
        return (f"not enough evidence that the candidate is no worse than {self.words.size(self.policy.margin)}: "
                f"{self.words.evidence(overall)}; {overall.wins + overall.losses} of {overall.n} cases changed; "
                f"{self._detectable(overall)}{self._needed(overall)}")

    def _detectable(self, delta: Delta) -> str:
        if self.words.undetectable(delta.mde80):
            return "no delta is seen at 80 % power by so few"
        return f"the smallest delta seen at 80 % power would be {self.words.size(delta.mde80)}"

    def _needed(self, delta: Delta) -> str:
        return f"; about {delta.needed} cases would be needed, there are {delta.n}" if delta.needed else ""


def rerun_command(comparison: Comparison) -> str:
    """The command that confirms or lifts an alarm, for people to copy."""
    both = f"evalloop gate {comparison.baseline} {comparison.candidate}"
    return (f"{both} --rerun does both; or run both variants again (evalloop run ... --no-cache, --repeats doubled), "
            f"then, with the same policy, {both} --confirm NEW_BASE NEW_CAND")
