"""Reviewing candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalloop.cases import write
from evalloop.cases.review import Review, rejections
from evalloop.errors import RecordErrors, UsageError
from evalloop.records.case import Case, GraderSpec
from evalloop.store import schema, yaml


@pytest.fixture
def review(tmp_path: Path, graders: Any) -> Review:
    """An evalset of three candidates in two files, one case accepted."""
    def case(case_id: str, cluster: str, status: str = "candidate") -> Case:
        message = {"role": "user", "content": f"please {case_id}"}
        return Case(case_id, cluster, {"messages": [message]}, graders=(GraderSpec("json_valid"),), status=status,
                    provenance={"theme": cluster.title(), "events": ["e1"]})

    write.add(tmp_path / "e", "e", [case("a", "one"), case("b", "one"), case("c", "two"), case("d", "two", "accepted")])
    return Review(tmp_path / "e", graders, "ann", "2026-11-23T10:00:00Z")


def texts(review: Review) -> dict[str, str]:
    """All files of the evalset."""
    return {each.name: each.read_text() for each in sorted(review.path.iterdir())}


def test_accepting_writes_status_and_reviewer(review: Review) -> None:
    """The other cases' lines stay; the case is no candidate any more."""
    before = texts(review)["one.evalset.yaml"]
    review.accept("a")
    after = texts(review)["one.evalset.yaml"]
    written = write.find(review.path / "one.evalset.yaml", "a")
    assert (written["status"], written["provenance"]["reviewed_by"]) == ("accepted", "ann")
    assert written["provenance"]["events"] == ["e1"]
    assert after[after.index("  - id: b"):] == before[before.index("  - id: b"):]
    assert [each.id for each in review.candidates()] == ["b", "c"]


def test_rejecting_remembers_the_text_for_ever(review: Review) -> None:
    """The case leaves its file; the reason stays beside the evalset."""
    review.reject("c", "not our product")
    (row,) = rejections(review.path.parent)
    assert row == {"id": "c", "text": "please c", "theme": "Two", "reason": "not our product", "by": "ann",
                   "at": "2026-11-23T10:00:00Z"}
    review.reject("a")
    assert [each["id"] for each in rejections(review.path)] == ["c", "a"]
    assert [each.id for each in review.candidates()] == ["b"]


def test_undo_puts_every_byte_back(review: Review) -> None:
    """Decisions are taken back one by one, last one first."""
    before = texts(review)
    review.reject("a", "x")
    review.reject("b", "y")
    review.accept("c")
    assert "one.evalset.yaml" not in texts(review)
    assert [review.undo(), review.undo(), review.undo(), review.undo()] == ["c", "b", "a", None]
    assert texts(review) == before
    assert [each.id for each in review.candidates()] == ["a", "b", "c"]


def test_an_edit_is_checked_before_it_is_written(review: Review) -> None:
    """A wrong edit is refused with its line and changes nothing."""
    before = texts(review)
    text = review.as_text(review.case("a"))
    for old, new, message, line in (
            ("json_valid", "json_vald", "no grader named 'json_vald'", 8),
            ("status:", "statsu:", "unknown key 'statsu'", 9),
            ("id: a", "id: z", "the id must stay 'a'", 1), ("id: a", "id: no", "unquoted no is read as false", 1)):
        with pytest.raises(RecordErrors) as caught:
            review.edit("a", text.replace(old, new))
        assert message in caught.value.errors[0].message
        assert caught.value.errors[0].line == line
    assert texts(review) == before
    review.edit("a", text.replace("please a", "please b or a"))
    assert "please b or a" in texts(review)["one.evalset.yaml"]


def test_what_is_no_candidate_cannot_be_decided(review: Review) -> None:
    """A wrong id gets a suggestion; an accepted case is not touched."""
    with pytest.raises(UsageError, match="is accepted, not a candidate"):
        review.reject("d")
    with pytest.raises(UsageError, match="no case 'zz'"):
        review.accept("zz")


def test_every_decision_is_remembered_with_its_reviewer(review: Review) -> None:
    """Second opinions change no case, not even that of a rejected case, which is shown as it was; undo works."""
    review.accept("a")
    review.reject("b", "vague")
    before = texts(review)
    other = Review(review.path, review.graders, "bob", "2026-11-24T10:00:00Z")
    assert (other.decided("b").graders, other.decided("b").cluster) == ((GraderSpec("json_valid"),), "one")
    other.opine("a", "reject", "too easy")
    other.opine("b", "reject")
    assert [(each.case_id, each.verdict, each.by, each.second) for each in other.opinions()] == [
        ("a", "accept", "ann", False), ("b", "reject", "ann", False), ("a", "reject", "bob", True),
        ("b", "reject", "bob", True)]
    assert {name: text for name, text in texts(review).items() if name != "reviews.jsonl"} == {
        name: text for name, text in before.items() if name != "reviews.jsonl"}
    assert (other.undo(), other.undo()) == ("b", "a")
    assert texts(review) == before
    with pytest.raises(UsageError, match="is not kept any more"):
        other.decided("zz")


def test_what_reviewers_write_keeps_its_schema(review: Review) -> None:
    """Every line of both files is valid; a line with a wrong word or without its text is refused with its place."""
    review.accept("a")
    review.reject("b", "vague")
    review.reject("c")
    review.retire("d", "gone")
    review.reopen("d", "back")
    review.opine("a", "reject")
    for name, key, wrong, message in (
            ("reviews.jsonl", "verdict", "acept", "'acept' is not allowed here"),
            ("rejections.jsonl", "text", None, "key 'text' is missing")):
        path = review.path / name
        *lines, last = path.read_text().splitlines()
        assert [schema.validate(path.stem.removesuffix("s"), json.loads(each)) for each in (*lines, last)] == [
            []] * (len(lines) + 1)
        changed = {**json.loads(last), key: wrong} if wrong else {"id": "c"}
        path.write_text("\n".join([*lines, json.dumps(changed)]) + "\n")
        with pytest.raises(RecordErrors) as caught:
            review.opinions() if name == "reviews.jsonl" else rejections(review.path)
        (error,) = caught.value.errors
        assert (error.message, error.file, error.line) == (message, str(path), len(lines) + 1)


def test_a_retired_case_stays_and_can_be_reopened(review: Review) -> None:
    """It leaves runs, not its file; reopened it waits for a reviewer again."""
    review.retire("d", "feature is gone")
    assert write.find(review.path / "two.evalset.yaml", "d")["status"] == "retired"
    with pytest.raises(UsageError, match="is retired, not accepted"):
        review.retire("d", "again")
    review.reopen("d", "it is back")
    assert "d" in [each.id for each in review.candidates()]
    assert [(each.verdict, each.reason) for each in review.opinions()] == [
        ("retire", "feature is gone"), ("reopen", "it is back")]


def test_the_last_candidate_of_a_lone_file(tmp_path: Path, graders: Any) -> None:
    """The file goes, and comes back by undo."""
    path = tmp_path / "x.evalset.yaml"
    text = ("evalset: x\ncases:\n  - id: a\n    input: {vars: {q: hi}}\n"
            "    graders: [json_valid]\n    status: candidate\n")
    path.write_text(text)
    review = Review(path, graders, "ann", "t")
    review.reject("a")
    assert (path.exists(), review.candidates()) == (False, [])
    assert review.undo() == "a"
    assert path.read_text() == text
    assert yaml.load(path).data["cases"][0]["status"] == "candidate"
