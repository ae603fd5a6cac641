"""Production has the last word: confirmed, not yet, no change, or worse, and every guard can hold a verdict back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from evalloop.notes.exposure import Exposure, exposures
from evalloop.notes.verify import verify, with_checks
from evalloop.records.release import Expectation, Release
from evalloop.records.times import moment_of, time_text
from evalloop.signals.turns import turns as turns_of
from evalloop.testing import evidence_of, make_generation

SHIPPED = "2026-03-02T00:00:00.000000Z"


def release(*directions, variants=()):
    """A release with one expectation for each cluster c0, c1 ..."""
    expected = tuple(Expectation(f"theme {number}", f"c{number}", each) for number, each in enumerate(directions))
    return Release("v2", SHIPPED, "base", "cand", None, None, None, "PASS", shipped_at=SHIPPED, variants=variants,
                   expectations=expected)


def users(seed, number, days, start=SHIPPED, *, back=False, **rates):
    """So many users over so many days, each let down by each cluster with its rate."""
    random = np.random.default_rng(seed)
    first = moment_of(start) - timedelta(days=days * back)
    moments = np.sort(random.uniform(0, days, number))
    hits = {name: random.random(number) < rate for name, rate in rates.items()}
    return [Exposure(f"u{seed}-{row}", time_text(first + timedelta(days=float(moments[row]))), ("1", "weekday"),
                     {name: 1.0 for name, drawn in hits.items() if drawn[row]}) for row in range(number)]


def later(days):
    """That many days after the release."""
    return time_text(moment_of(SHIPPED) + timedelta(days=days))


def verdicts(checks):
    """Cluster id -> verdict."""
    return {each.cluster_id: each.verdict for each in checks}


def test_a_fall_is_confirmed_and_says_when():
    """From 6 to 3 % of users: confirmed, with the day on which it was first clear."""
    checks = verify(release("better"), users(1, 8000, 28, back=True, c0=0.06, x=0.05),
                    users(2, 4000, 28, c0=0.03, x=0.05), later(28))
    assert verdicts(checks) == {"c0": "confirmed"}
    assert SHIPPED < checks[0].decided_on <= later(28)
    assert checks[0].ratio_high < 1
    assert checks[0].users_after == 4000


def test_nothing_changed_is_not_confirmed_and_in_the_end_is_no_change():
    """The same rates: not yet while the watch runs, no change when it is over."""
    before, after = users(1, 8000, 28, back=True, c0=0.05), users(2, 800, 20, c0=0.05)
    assert verdicts(verify(release("better"), before, after, later(20))) == {"c0": "not yet"}
    assert verdicts(verify(release("better"), before, after, later(60))) == {"c0": "no change"}


def test_nobody_after_the_release_is_no_finding():
    """Without a single user after it nothing is said of the release, however late it is."""
    checks = verify(release("better"), users(1, 3000, 28, back=True, c0=0.06, x=0.05), [], later(90))
    assert verdicts(checks) == {"c0": "not yet"}
    assert "no user of the time after" in checks[0].reason


def test_a_rise_is_worse_even_for_a_cluster_of_which_nothing_was_claimed():
    """Regressions of themes that should stay the same are found too."""
    checks = verify(release("better", "same"), users(1, 8000, 28, back=True, c0=0.05, c1=0.02),
                    users(2, 4000, 28, c0=0.05, c1=0.05), later(28))
    assert verdicts(checks)["c1"] == "worse"


def test_everything_falling_together_confirms_nothing():
    """The button moved: all other complaints fell as well."""
    checks = verify(release("better"), users(1, 8000, 28, back=True, c0=0.06, x=0.2),
                    users(2, 4000, 28, c0=0.03, x=0.1), later(28))
    assert verdicts(checks) == {"c0": "not yet"}
    assert "everything else" in checks[0].reason


def test_less_than_a_week_confirms_nothing():
    """However clear it looks on a Tuesday."""
    checks = verify(release("better"), users(1, 8000, 28, back=True, c0=0.2), users(2, 4000, 5, c0=0.02), later(5))
    assert verdicts(checks) == {"c0": "not yet"}
    assert "full week" in checks[0].reason


@pytest.mark.parametrize(("base", "cand", "verdict"), [(4000, 4000, "confirmed"), (4000, 3000, "not yet")])
def test_an_experiment_whose_split_is_off_decides_nothing(base, cand, verdict):
    """3,000 of 7,000 where half was asked for: sample-ratio mismatch."""
    checks = verify(release("better", variants=("base", "cand")), users(1, base, 28, c0=0.06),
                    users(2, cand, 28, c0=0.02), later(28))
    assert verdicts(checks) == {"c0": verdict}
    assert ("sample-ratio mismatch" in checks[0].reason) == (verdict == "not yet")


def test_a_cluster_without_a_theme_is_not_watched():
    """IFEval's groups have no feedback to watch."""
    bare = release("better")
    none = [Expectation("punctuation", None, "better")]
    assert verify(with_checks(bare, ()), users(1, 50, 9, back=True), users(2, 50, 9), later(9)) != ()
    groups = Release(**{**vars(bare), "expectations": tuple(none)})
    assert verify(groups, users(1, 50, 9, back=True), [], later(9)) == ()


def test_checks_are_written_into_the_record_and_replaced():
    """The newest word on each cluster stands; the record survives JSON."""
    checks = verify(release("better"), users(1, 500, 28, back=True, c0=0.05), users(2, 100, 10, c0=0.05), later(10))
    kept = with_checks(with_checks(release("better"), checks), checks)
    assert kept.checks == checks
    assert Release.from_dict(kept.to_dict()) == kept


# ---- who counts ------------------------------------------------------------------------------------------------------


def turns(user, *seconds):
    """Answers of one user at these seconds of a day."""
    return [make_generation(f"{user}-{second}", second, user=user, session=user,
                            context={"variant": "a", "surface": "chat"}) for second in seconds]


DAY = datetime(2026, 1, 5)
START, END = "2026-01-05T00:00:00.000000Z", "2026-01-09T00:00:00.000000Z"


def entered(events, members=None, end=END, **options):
    """The users who entered."""
    return exposures(list(turns_of(evidence_of(events))), members or {}, START, end, **options)


def test_a_user_counts_once_with_the_first_answers():
    """The sixth answer, and what it did wrong, no longer count."""
    members = {"u-0": {"c0": 1.0}, "u-5": {"c1": 1.0}}
    (only,) = entered(turns("u", *range(6)), members)
    assert only.hits == {"c0": 1.0}
    assert only.at == "2026-01-05T00:00:04.000000Z"
    assert only.variant == "a"


def test_a_word_that_counts_less_is_a_part_of_a_hit():
    """The most that an answer counts is what the user counts; a quarter each of 40 complainers are ten hits."""
    (only,) = entered(turns("u", 0, 1), {"u-0": {"c0": 0.25}, "u-1": {"c0": 0.25}}, end=END)
    assert only.hits == {"c0": 0.25}
    angry = [replace(each, hits={"c0": 0.25}) for each in users(1, 400, 28, back=True, c0=1.0)]
    (check,) = verify(release("better"), angry, users(2, 400, 28, c0=0.25), later(28))
    assert check.before == pytest.approx(0.25)
    assert check.verdict != "confirmed", "all who were let down before count a quarter: nothing fell"


def test_a_user_with_few_answers_enters_when_settled():
    """Two days after the first answer; before that they are not counted at all."""
    assert not entered(turns("u", 0), end="2026-01-06T00:00:00.000000Z")
    (only,) = entered(turns("u", 0))
    assert only.at == "2026-01-07T00:00:00.000000Z"


def test_heavy_and_light_users_are_strata_of_their_own():
    """Number of answers, weekday, and the named segments."""
    found = entered([*turns("one", 0), *turns("two", 0, 1), *turns("many", *range(9))], segments=["surface"])
    assert {each.user: each.stratum for each in found} == {
        "one": ("1", "weekday", "chat"), "two": ("2", "weekday", "chat"), "many": ("3 or more", "weekday", "chat")}


def test_a_user_who_met_both_variants_has_none():
    """They belong to neither side of an experiment."""
    mixed = [*turns("u", 0), make_generation("u-x", 3, user="u", session="u", context={"variant": "b"})]
    assert entered(mixed)[0].variant is None
