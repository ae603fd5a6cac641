"""Retirement: what is proposed, what is flagged, and what comes back."""

from __future__ import annotations

from dataclasses import replace

from evalloop.cases.retire import RetireSettings, Verdicts, propose, retired_of
from evalloop.records.case import Case
from evalloop.records.cluster import Cluster

SETTINGS = RetireSettings("2026-11-26T00:00:00Z", "2026-11-25T00:00:00Z")
GROWN = Case("a", "links", {"vars": {"q": "hi"}}, provenance={
    "cluster_id": "c-1", "reviewed_at": "2026-01-10T00:00:00+00:00"})


def theme(last_seen: str, **given: str) -> dict[str, Cluster]:
    """The only theme."""
    return {"c-1": Cluster("c-1", "dead links", last_seen=last_seen, **given)}  # type: ignore[arg-type]


def verdicts(**marks: str) -> Verdicts:
    """Verdicts by variant: ``+`` passed, ``-`` failed."""
    found = Verdicts()
    for variant, text in marks.items():
        for mark in text:
            found.add(variant, variant.upper(), mark == "+")
    return found


def kinds(case: Case, themes: dict[str, Cluster], record: Verdicts | None = None,
          version: tuple[str, str] | None = None, settings: RetireSettings = SETTINGS) -> list[tuple[str, str]]:
    """(kind, reason) of what is proposed."""
    return [(each.kind, each.reason) for each in propose(
        [case], themes, {"a": record} if record else {}, {"a": version} if version else {}, settings)]


def test_a_theme_that_went_quiet_makes_its_cases_stale() -> None:
    """Not before the time is over, not where the whole traffic stopped, not for young or hand-written cases."""
    quiet, live = theme("2026-04-01T00:00:00Z", status="resolved", release="v12"), theme("2026-11-01T00:00:00Z")
    assert kinds(GROWN, quiet) == [("stale", "nobody complained of its theme for 238 days, resolved in v12")]
    assert kinds(GROWN, live) == []
    assert kinds(GROWN, quiet, settings=replace(SETTINGS, newest="2026-05-01T00:00:00Z")) == []
    assert kinds(GROWN, quiet, settings=replace(SETTINGS, stale_days=300)) == []
    young = replace(GROWN, provenance={**GROWN.provenance, "reviewed_at": "2026-11-01T00:00:00Z"})
    assert kinds(young, quiet) == []
    assert kinds(replace(GROWN, provenance={}), quiet) == []
    assert kinds(replace(GROWN, status="retired"), quiet) == []
    assert kinds(GROWN, {"c-2": Cluster("c-2", "other")}) == [("stale", "its theme is not known any more")]


def test_a_version_that_is_gone_makes_a_case_stale() -> None:
    """The theme is alive, but what answered then answers nobody any more."""
    live = theme("2026-11-01T00:00:00Z")
    assert kinds(GROWN, live, version=("v3", "2026-03-01T00:00:00Z")) == [
        ("stale", "it was made of v3, which answered last 269 days ago")]
    assert kinds(GROWN, live, version=("v9", "2026-11-20T00:00:00Z")) == []


def test_a_case_that_disagrees_with_itself_is_flaky() -> None:
    """Under one variant, with enough verdicts; two variants that differ are what a case is for."""
    live = theme("2026-11-01T00:00:00Z")
    assert kinds(GROWN, live, verdicts(v1="+-+-+", v2="-----")) == [
        ("flaky", "it passed 3 of 5 times under the same variant (V1)")]
    assert kinds(GROWN, live, verdicts(v1="+++++", v2="-----")) == []
    assert kinds(GROWN, live, verdicts(v1="+-+")) == []
    assert kinds(GROWN, live, verdicts(v1="+" * 19 + "-")) == []


def test_a_case_that_never_fails_is_flagged() -> None:
    """Under several variants; one failure ever is enough to be worth its price."""
    live = theme("2026-11-01T00:00:00Z")
    assert kinds(GROWN, live, verdicts(v1="++", v2="+", v3="+")) == [
        ("never-fails", "it never failed, under 3 variants and 4 trials")]
    assert kinds(GROWN, live, verdicts(v1="++", v2="+", v3="+", v4="-")) == []
    assert kinds(GROWN, live, verdicts(v1="+++++")) == []


def test_the_retired_cases_of_a_theme() -> None:
    """Accepted ones and those of other themes stay where they are."""
    retired = replace(GROWN, status="retired")
    cases = [GROWN, retired, replace(retired, id="b", provenance={"cluster_id": "c-2"})]
    assert retired_of(cases, ["c-1"]) == [retired]
