"""Figures as people read them."""

from __future__ import annotations

import pytest

from evalloop.records.report import Delta
from evalloop.report.wording import Words, p_value


def test_points_and_plain_numbers() -> None:
    """A pass rate is told in points, any other scale as it is."""
    assert (Words(True).delta(0.0215), Words(True).size(0.05), Words(True).score(0.769)) == (
        "+2.1 points", "5.0 points", "76.9 %")
    assert (Words(False).delta(-12.5), Words(False).score(1234.56)) == ("−12.5", "1235")


def test_delta_that_no_rate_can_have_is_none() -> None:
    """A smallest delta above 1 is not detectable at all on a pass rate; other scales have no such end."""
    assert [Words(True).detectable(value) for value in (0.05, 1.3, None)] == ["5.0", "none", "–"]
    assert Words(False).detectable(1.3) == "1.3"


def test_one_case_is_no_plural() -> None:
    """In the evidence of a delta."""
    delta = Delta.from_dict({"cluster": None, "n": 1, "dropped": 0, "delta": 0.5, "wins": 1, "losses": 0, "ties": 0,
                             "verdict": "unclear", "method": ""} | dict.fromkeys(
        ("base", "cand", "interval", "p", "p_exact", "p_holm", "q", "mde80")))
    assert Words(True).evidence(delta) == "+50.0 points (1 case)"


@pytest.mark.parametrize(("p", "text"), [(None, "–"), (0.0405, "0.0405"), (1.0, "1"), (1.556e-28, "1.6e-28"),
                                         (0.05, "0.05"), (0.0, "0")])
def test_p_values(p: float | None, text: str) -> None:
    """Four decimals, scientific when tiny."""
    assert p_value(p) == text


def test_nothing_is_a_dash_and_zero_has_no_sign() -> None:
    """What cannot be given is never 0, and 0 is neither plus nor minus."""
    assert Words(True).delta(None) == "–"
    assert Words(True).delta(-0.0001) == "0.0 points"
