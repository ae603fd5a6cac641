"""Retirement: cases that nothing speaks for any more are proposed, and come back when their theme does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evalloop.printable import many
from evalloop.records.case import Case
from evalloop.records.cluster import Cluster
from evalloop.records.times import moment_of

STALE, FLAKY, NEVER_FAILS = "stale", "flaky", "never-fails"
KINDS = (STALE, FLAKY, NEVER_FAILS)


@dataclass(frozen=True)
class RetireSettings:
    """``now`` is the present and ``newest`` the time of the last event (RFC 3339): where nothing comes in any more, no
    theme has gone quiet. ``stale_days``: without failures in its theme for so long a case is stale, and so is one whose
    version answered last so long ago. ``min_trials``: verdicts under one variant before a case can be called
    flaky; ``flaky_share``: the rarer verdict is at least this part of them. ``min_variants``: a case that passed under
    so many variants, and never failed, never fails."""

    now: str
    newest: str = ""
    stale_days: int = 180
    min_trials: int = 4
    flaky_share: float = 0.2
    min_variants: int = 3


@dataclass(frozen=True)
class Proposal:
    """A case that may retire, and why. "never-fails" is a flag: such a case guards against a return at small cost."""

    case: Case
    kind: str
    reason: str


@dataclass
class Verdicts:
    """The verdicts on one case, by variant id: how often it passed and failed, and the variant's name."""

    passed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    names: dict[str, str] = field(default_factory=dict)

    def add(self, variant_id: str, name: str, passed: bool) -> None:
        """Counts one verdict."""
        self.names[variant_id] = name
        (self.passed if passed else self.failed)[variant_id] += 1


def propose(cases: Iterable[Case], themes: Mapping[str, Cluster], records: Mapping[str, Verdicts],
            versions: Mapping[str, tuple[str, str]], settings: RetireSettings) -> list[Proposal]:
    """Accepted cases that may retire, in the order of KINDS, each once.

    ``themes`` are the clusters as they stand, by id; ``records`` the verdicts, and ``versions`` the version of the
    product that the case was made of with the time when that answered last, both by case id. Cases written by hand are
    never stale: nobody knows when they should be.
    """
    found = [each for case in cases if case.status == "accepted"
             if (each := _proposal(case, themes, records.get(case.id, Verdicts()), versions.get(case.id), settings))]
    return sorted(found, key=lambda each: (KINDS.index(each.kind), each.case.cluster, each.case.id))


def retired_of(cases: Iterable[Case], cluster_ids: Iterable[str]) -> list[Case]:
    """The retired cases of these themes: what is to be proposed again when one of them comes back."""
    wanted = set(cluster_ids)
    return [case for case in cases if case.status == "retired" and case.provenance.get("cluster_id") in wanted]


def _proposal(case: Case, known: Mapping[str, Cluster], record: Verdicts, version: tuple[str, str] | None,
              settings: RetireSettings) -> Proposal | None:
    reasons = ((STALE, _stale(case, known, version, settings)), (FLAKY, _flaky(record, settings)),
               (NEVER_FAILS, _never_fails(record, settings)))
    return next((Proposal(case, kind, reason) for kind, reason in reasons if reason), None)


def _stale(case: Case, known: Mapping[str, Cluster], version: tuple[str, str] | None, settings: RetireSettings) -> str:
    """Why the case is stale; empty where it is not, or was taken in too short a time ago."""
    cluster_id, reviewed = case.provenance.get("cluster_id"), str(case.provenance.get("reviewed_at", ""))
    if not cluster_id or (reviewed and _days(reviewed, settings.now) < settings.stale_days):
        return ""
    theme = known.get(str(cluster_id))
    if theme is None:
        return "its theme is not known any more" if known and reviewed else ""
    newest = settings.newest or settings.now
    quiet = _days(theme.last_seen, newest) if theme.last_seen else 0
    if quiet >= settings.stale_days:
        state = f", {theme.status} in {theme.release}" if theme.release else ""
        return f"nobody complained of its theme for {quiet:.0f} days{state}"
    if version and (gone := _days(version[1], newest)) >= settings.stale_days:
        return f"it was made of {version[0]}, which answered last {gone:.0f} days ago"
    return ""


def _flaky(record: Verdicts, settings: RetireSettings) -> str:
    """The variant under which the verdicts differ most."""
    parts = sorted(_divided(record, settings.min_trials), reverse=True)
    if not parts or parts[0][0] < settings.flaky_share:
        return ""
    _, name, passed, trials = parts[0]
    return f"it passed {passed} of {trials} times under the same variant ({name})"


def _divided(record: Verdicts, least: int) -> Iterator[tuple[float, str, int, int]]:
    """(share of the rarer verdict, name, passed, trials) of each variant with enough verdicts."""
    for variant_id, name in record.names.items():
        passed, failed = record.passed[variant_id], record.failed[variant_id]
        if passed + failed >= least:
            yield min(passed, failed) / (passed + failed), name, passed, passed + failed


def _never_fails(record: Verdicts, settings: RetireSettings) -> str:
    if sum(record.failed.values()) or len(record.names) < settings.min_variants:
        return ""
    variants, trials = many(len(record.names), "variant"), many(sum(record.passed.values()), "trial")
    return f"it never failed, under {variants} and {trials}"


def _days(begin: str, end: str) -> float:
    return (moment_of(end) - moment_of(begin)).total_seconds() / 86_400
