"""A judge against people: the published pairs, and judges whose leanings are known."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from evalloop.errors import EmptyError, RecordError, UsageError
from evalloop.records.calibration import Calibration, Label
from evalloop.report.calibration import majority, measure, speaks_of_pairs, verdict_of
from evalloop.report.labels import Table, items, lengths, one_each, verdicts

DATA = Path(__file__).parent.parent / "data/llmfao"


def table(name: str, **fields: str) -> Table:
    """A file of the published pairs."""
    with (DATA / name).open(newline="") as file:
        return Table(name, list(enumerate(csv.DictReader(file), 2)), fields)


def rows(*given: dict[str, object]) -> Table:
    """A table of these rows."""
    return Table("labels.csv", list(enumerate(given, 2)), {})


@pytest.mark.parametrize(("judge", "rate", "bias", "agreement", "kappa"), [
    ("gpt4-crowd.csv", .451, -.089, .658, .32), ("gpt3-crowd.csv", .643, .103, .595, .17)])
def test_published_judges_come_out_as_published(judge: str, rate: float, bias: float, agreement: float, kappa: float
                                                ) -> None:
    """1,704 pairs that people decided, "the first is better" .539; bias, agreement and kappa of both judges."""
    found = items(table("crowd.csv"))
    said = verdicts(table(judge), pairs=True)
    decided = [Label(each.id, each.human, said[each.id]) for each in found if each.human is not None]
    made = measure("j", "j", decided, "2026-11-26", pairs=True, undecided=len(found) - len(decided))
    assert (made.n, made.undecided, len(found)) == (1704, 435, 2139)
    assert sum(each.votes for each in found) == 8931
    assert made.human_rate == pytest.approx(.539, abs=.0005)
    assert (made.judge_rate, made.bias.value, made.agreement) == pytest.approx((rate, bias, agreement), abs=.0006)
    assert made.kappa == pytest.approx(kappa, abs=.005)
    assert made.position is not None
    assert made.position.value == made.bias.value
    assert made.better_than_chance


def test_a_calibration_survives_its_file() -> None:
    """What is written is read back the same, and fits the schema."""
    from evalloop.store.schema import validate

    labels = [Label(f"c{n}", float(n % 2), float(n % 3 > 0), "0" * 16, n) for n in range(30)]
    made = measure("j", "rubric", labels, "2026-11-26", covers={"j-" + "0" * 16: "is kind"}, source=("l.csv", "ab"))
    assert validate("calibration", {"schema": "evalloop.calibration/1", **made.to_dict()}) == []
    assert Calibration.from_dict(made.to_dict()) == made


def test_leanings_of_a_judge_are_told() -> None:
    """A judge that passes whatever is long leans on length; one that guesses is not better than chance."""
    long = [Label(f"c{n}", float(n % 2), float(n >= 50), longer=n) for n in range(100)]
    made = measure("j", "j", long, "2026-11-26")
    assert made.length is not None
    assert made.length.interval is not None
    assert made.length.interval[0] > .5
    assert made.kappa == pytest.approx(0, abs=.05)
    assert not made.better_than_chance
    assert made.position is None
    pairs = [Label(f"p{n}", float(n % 2), float(n % 4 < 2), longer=1 if n % 4 < 2 else -1) for n in range(100)]
    told = measure("j", "j", pairs, "2026-11-26", pairs=True).length
    assert told is not None
    assert told.value == pytest.approx(.5)


def test_a_judge_that_is_always_right_has_kappa_one() -> None:
    """No bias, sensitivity and specificity 1."""
    made = measure("j", "j", [Label(f"c{n}", float(n % 2), float(n % 2)) for n in range(40)], "2026-11-26")
    assert (made.kappa, made.sensitivity, made.specificity, made.bias.value) == (1, 1, 1, 0)


def test_people_are_heard_by_majority_and_even_votes_decide_nothing() -> None:
    """Degrees are averaged."""
    assert majority([1, 1, 0]) == 1
    assert majority([1, 0]) is None
    assert majority([.5, 0]) == 0
    assert majority([.25, .75]) == .5


def test_right_is_a_place_of_a_pair_and_no_verdict_on_one_output() -> None:
    """The word would otherwise turn praise into blame."""
    assert verdict_of("right", pairs=True) == 0
    assert verdict_of("right") is None
    assert speaks_of_pairs(["left", "right", "tie"])
    assert not speaks_of_pairs(["pass", "fail"])
    table = rows({"id": "a", "human": "right"}, {"id": "b", "human": "wrong"})
    with pytest.raises(RecordError, match=r"labels\.csv:2.*'right' is no verdict"):
        items(table)


def test_mistakes_in_a_table_are_named_with_their_place() -> None:
    """No column, no id, no verdict, two verdicts of the judge, two outputs under one id, nothing at all."""
    with pytest.raises(RecordError, match="no column with the human verdicts"):
        items(rows({"id": "a", "mark": "pass"}))
    with pytest.raises(RecordError, match=r"labels\.csv:3.*without an id"):
        items(rows({"id": "a", "human": "pass"}, {"id": "", "human": "pass"}))
    with pytest.raises(RecordError, match="two verdicts of the judge on 'a'"):
        verdicts(rows({"id": "a", "judge": "pass"}, {"id": "a", "judge": "fail"}), pairs=False)
    two = items(rows({"id": "a", "run": "x", "human": "pass"}, {"id": "a", "run": "y", "human": "fail"}))
    with pytest.raises(UsageError, match="several outputs"):
        one_each(two, "labels.csv")
    with pytest.raises(RecordError, match="holds no row"):
        rows()
    with pytest.raises(EmptyError, match="no label meets"):
        measure("j", "j", [], "2026-11-26")


def test_unlabelled_rows_of_a_sheet_wait_and_lengths_are_of_texts() -> None:
    """An empty cell is no verdict; of a pair, the difference of both lengths counts."""
    assert [each.id for each in items(rows({"id": "a", "human": ""}, {"id": "b", "human": "pass"}))] == ["b"]
    assert lengths(rows({"id": "a", "output": "four"})) == {"a": 4}
    assert lengths(rows({"id": "a", "first": "four", "second": "sixsix"})) == {"a": -2}
