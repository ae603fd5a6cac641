"""Strict YAML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.errors import RecordError, RecordErrors
from evalloop.store import yaml

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
LINES = st.lists(TEXT, max_size=4).map("\n".join)
DATA = st.recursive(SCALARS | LINES, max_leaves=12, extend=lambda inner:
                    st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


def problems(text: str) -> list[RecordError]:
    """The problems that the loader finds in ``text``."""
    with pytest.raises(RecordErrors) as caught:
        yaml.load(text, file="x.yaml")
    return list(caught.value.errors)


SURPRISES = ["no", "No", "NO", "yes", "Yes", "on", "off", "Off", "True", "FALSE", "Null", "~", "=", "12:30",
             "1:30:00", "017", "089", "0o17", "0x1F", "0b101", "1_000", "+1", ".5", "1.", "-.5", ".inf", "-.INF",
             ".nan", "2026-11-23", "2026-1-2", "2026-11-23 10:00:00", "2026-11-23T10:00:00Z", "1e999", "190:20:30",
             "00", "-017", "0123.5", "1_000.5"]


@pytest.mark.parametrize("word", SURPRISES)
def test_a_surprising_plain_scalar_is_refused_with_line_and_mend(word: str) -> None:
    """Whatever YAML versions read in different ways is refused; quoted it is text."""
    found = problems(f"a: 1\nexpected: {word}\n")
    assert [(each.file, each.line) for each in found] == [("x.yaml", 2)]
    assert f'"{word}"' in found[0].fix
    assert yaml.load(f'a: 1\nexpected: "{word}"\n').data["expected"] == word


@pytest.mark.parametrize(("word", "value"), [
    ("true", True), ("false", False), ("null", None), ("", None), ("0", 0), ("-7", -7), ("1.50", 1.5), ("1e3", 1000.0),
    ("2026-W47", "2026-W47"), ("1.2.3", "1.2.3"), ("12:30pm", "12:30pm"), ("nothing", "nothing"), ("y", "y"),
    ("3 apples", "3 apples"), ("-", "-"), ("v-1", "v-1"), (".hidden", ".hidden"), ("10-20", "10-20")])
def test_plain_scalars_that_mean_one_thing(word: str, value: object) -> None:
    """JSON's words and numbers, and text that no reader takes for something else."""
    if word == "-":
        word, value = '"-"', "-"
    assert yaml.load(f"k: {word}\n").data == {"k": value}


def test_expected_no_names_both_mends() -> None:
    """The commonest surprise: the mend names the quoted text and the boolean."""
    (problem,) = problems("cases:\n  - id: a\n    expected: no\n")
    assert problem.line == 3
    assert problem.fix == 'quote it: "no", or write false'


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    """Anchors and aliases never reach memory."""
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
    found = problems("\n".join(lines))
    assert (found[0].line, found[0].message) == (1, "anchor &a0 is not allowed")
    assert (found[1].line, found[2].message) == (2, "alias *a0 is not allowed")


def test_duplicate_keys_name_both_lines() -> None:
    """The second writing of a key is refused, at any depth."""
    (problem,) = problems("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert (problem.line, problem.message) == (4, "key 'b' is written twice, first on line 2")


@pytest.mark.parametrize(("text", "line", "part"), [
    ("1: a", 1, "must be text"), ("a: {true: 1}", 1, "must be text"), ("[a]: 1", 1, "must be text"),
    ("null: 1", 1, "must be text"), ("a: !!str 1", 1, "tag"), ("a: !!python/name:os.system x", 1, "tag"),
    ("a: 1\nb: {<<: {c: 1}}", 2, "merge key"), ("a: 1\n---\nb: 2", 2, "second document"), ("a: [1, 2\nb: 3", 2, "YAML"),
    ("a: b: c", 1, "YAML"), ("a: \x07", 0, "YAML"), ("*x : 1", 1, "alias"), ("? {a: 1}\n: 2", 1, "must be text")])
def test_other_refusals_have_their_line(text: str, line: int, part: str) -> None:
    """Tags, merge keys, odd keys, several documents and syntax errors."""
    found = problems(text)
    assert found[0].line == line
    assert part in found[0].message
    assert found[0].fix


def test_all_problems_are_shown_together() -> None:
    """One reading names every mistake."""
    assert [each.line for each in problems("a: no\nb: 017\nc: &x 1\na: 2\n")] == [1, 2, 3, 4]


def test_depth_and_size_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep nesting and huge files stop early."""
    assert "nest" in problems("[" * 100_000)[0].message  # ours, or that of PyYAML from 6.0.4 on
    monkeypatch.setattr(yaml, "MAX_CHARACTERS", 10)
    assert "the limit is 10" in problems("a: 1\nb: 2\nc: 3\n")[0].message


def test_every_node_knows_its_line() -> None:
    """Lines of keys, items and missing keys."""
    document = yaml.load("a:\n  - b: |\n      x\n      y\n    c: 1\n  - {d: 2,\n     e: 3}\n")
    paths = (("a",), ("a", 0), ("a", 0, "b"), ("a", 0, "c"), ("a", 1, "e"))
    assert [document.line(path) for path in paths] == [1, 2, 2, 5, 7]
    assert document.line(("a", 1, "missing")) == 6


def test_a_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    """Bad bytes and missing files are problems of that file."""
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: \xff\n")
    for path in (bad, tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(RecordErrors) as caught:
            yaml.load(path)
        assert caught.value.errors[0].file == str(path)


@settings(deadline=None, max_examples=300)
@given(DATA)
def test_what_is_dumped_is_read_back(data: object) -> None:
    """Round trip of any JSON data."""
    text = yaml.dump(data)
    assert json.dumps(yaml.load(text).data) == json.dumps(data)


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text("ab:-[]{}&*!|>'\"%#\n ?,01.~", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """The loader raises nothing but RecordErrors."""
    found: list[RecordError] = []
    try:
        yaml.load(text)
    except RecordErrors as error:
        found.extend(error.errors)
    assert all(each.message and each.fix for each in found)


def test_lines_of_text_are_literal_blocks() -> None:
    """Many lines stay readable in a diff."""
    assert yaml.dump({"q": "first: x\nsecond\n", "n": "no", "t": "plain"}) == \
        'q: |\n  first: x\n  second\n"n": "no"\nt: plain\n'


def test_what_is_not_json_cannot_be_dumped() -> None:
    """NaN, dates and broken text are refused, not written."""
    for value in (float("nan"), {1, 2}, "\ud800"):
        with pytest.raises(RecordError):
            yaml.dump({"a": value})

