"""Second opinions: what is asked again, and how agreement is told."""

from __future__ import annotations

import pytest

from evalloop import stats
from evalloop.cases.second import agreement, sample
from evalloop.records.opinion import Opinion


def said(by: str, verdicts: str, second: bool = False) -> list[Opinion]:
    """Opinions on cases a, b, c ...: ``+`` accepts, ``-`` rejects, ``.`` says nothing."""
    words = {"+": "accept", "-": "reject"}
    return [Opinion(chr(97 + place), words[mark], by, f"2026-11-0{1 + second}T00:00:00Z", second=second)
            for place, mark in enumerate(verdicts) if mark != "."]


def test_a_reviewer_is_asked_about_cases_of_others_only() -> None:
    """Half accepted and half rejected ones, the same for every reviewer, none twice."""
    given = said("ann", "++++++--") + said("bob", "+.", second=True)
    chosen = sample(given, "bob", 4)
    assert "a" not in chosen
    assert len(set(chosen)) == 4
    assert {"g", "h"} < set(chosen)
    assert [each for each in sample(given, "eve", 8) if each in chosen] == chosen
    assert sample(given, "ann", 5) == []


def test_the_measure_fits_who_judged() -> None:
    """Two reviewers: Cohen; as many on each case: Fleiss; else Krippendorff; with the values of ``stats``."""
    ann, bob, eve = said("ann", "++--+-++"), said("bob", "+---+-+-", True), said("eve", "++--+---", True)
    two = agreement(ann + bob)
    rows = [list(pair) for pair in zip("++--+-++", "+---+-+-", strict=True)]
    assert (two.method, two.cases, two.agreement) == ("cohen", 8, 0.75)
    assert two.value == pytest.approx(stats.cohen_kappa([one for one, _ in rows], [two for _, two in rows]).kappa)
    assert set(two.disputed) == {"b", "h"}
    assert two.disputed["h"] == {"ann": "accept", "bob": "reject"}
    assert agreement(ann + bob + eve).method == "fleiss"
    assert agreement(ann + bob + eve[:-1]).method == "krippendorff"


def test_the_last_word_of_a_reviewer_counts() -> None:
    """A reviewer who changed a verdict agrees with who said so before; retiring is no verdict."""
    given = said("ann", "+-+") + said("bob", "--+", True) + [Opinion("a", "accept", "bob", "2026-11-05T00:00:00Z"),
                                                            Opinion("a", "retire", "ann", "2026-11-06T00:00:00Z")]
    assert (agreement(given).agreement, agreement(given).disputed) == (1.0, {})


def test_nothing_judged_twice() -> None:
    """No case, no value."""
    assert (agreement(said("ann", "++")).cases, agreement(said("ann", "++")).value) == (0, None)
