"""Grids of prompts, models and parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.cases import grid, variants
from evalloop.errors import RecordErrors
from evalloop.records.case import Evalset


def test_every_combination_is_a_variant_with_a_name_made_of_its_values(tmp_path: Path) -> None:
    """Models by their last part, prompt files by their stem, numbers as they are; the rest is shared."""
    for name in ("short", "long"):
        (tmp_path / f"{name}.txt").write_text(f"{name}: {{{{ q }}}}", encoding="utf-8")
    definition = {"target": "openai", "options": {"base_url": "http://localhost/v1"},
                  "grid": {"model": ["lab/a-1", "b"], "prompt_file": ["short.txt", "long.txt"],
                           "params.temperature": [0, 0.7]}}
    found = variants.load_all("try", definition, tmp_path)
    assert list(found)[:3] == ["try.a-1.short.0", "try.a-1.short.0-7", "try.a-1.long.0"]
    assert len(found) == 8
    one = found["try.b.long.0-7"]
    assert (one.model, one.params, one.prompt[0]["content"]) == ("b", {"temperature": 0.7}, "long: {{ q }}")
    assert one.options == {"base_url": "http://localhost/v1"}
    assert len({each.id for each in found.values()}) == 8


def test_prompts_are_numbered_or_named(tmp_path: Path) -> None:
    """A text has no short name of its own: it gets a number, or the label that it is given."""
    numbered = variants.load_all("g", {"target": "t", "grid": {"prompt": ["A {{ q }}", "B {{ q }}"]}}, tmp_path)
    named = variants.load_all("g", {"target": "t", "grid": {"prompt": {"kind": "A", "curt": "B"}}}, tmp_path)
    assert list(numbered) == ["g.prompt-1", "g.prompt-2"]
    assert {name: each.prompt[0]["content"] for name, each in named.items()} == {"g.kind": "A", "g.curt": "B"}


def test_a_grid_in_a_suite_stands_beside_other_variants(tmp_path: Path) -> None:
    """Grids are expanded in place; a broken combination is told with the place of the grid."""
    evalset = Evalset("s", str(tmp_path), (), variants={
        "base": {"target": "t", "model": "m"}, "try": {"target": "t", "grid": {"model": ["m", "n"]}}})
    assert list(variants.of_evalset(evalset, tmp_path)) == ["base", "try.m", "try.n"]
    broken = Evalset("s", str(tmp_path), (), variants={"try": {"target": "t", "grid": {"model": ["m", 3]}}})
    with pytest.raises(RecordErrors, match=r"variants\.try: model"):
        variants.of_evalset(broken, tmp_path)


@pytest.mark.parametrize(("wrong", "message"), [
    ({}, "grid"), ({"modell": ["a"]}, "modell"), ({"model": []}, "model"), ({"model": "a"}, "model"),
    ({"model": ["x/a", "y/a"]}, "two variants would be named 'a'"),
    ({"params.seed": list(range(300))}, "a grid of 300 variants")])
def test_what_cannot_be_a_grid_is_refused(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    """Unknown keys, no values, a value that is no list, names that collide, far too many."""
    with pytest.raises(RecordErrors, match=message):
        variants.load_all("g", {"target": "t", "grid": wrong}, tmp_path)


def test_a_grid_is_not_one_variant(tmp_path: Path) -> None:
    """Where one variant is asked for, a grid is refused with the names in it."""
    with pytest.raises(RecordErrors, match=r"g is a grid of 2 variants"):
        variants.load("g", {"target": "t", "grid": {"model": ["a", "b"]}}, tmp_path)


@given(st.dictionaries(st.sampled_from(["model", "target", "params.a", "params.b", "options.c.d"]),
                       st.lists(st.text("abc123", min_size=1, max_size=6), min_size=1, max_size=4, unique=True),
                       min_size=1))
def test_a_grid_has_the_product_of_its_values(axes: dict[str, list[str]]) -> None:
    """As many definitions as combinations, each once, each with its own values and never sharing an object."""
    expanded = list(grid.expand("g", {"target": "t", "params": {"keep": 1}, "grid": axes}))
    size = 1
    for values in axes.values():
        size *= len(values)
    assert len({name for name, _ in expanded}) == len(expanded) == size
    assert all(definition["params"]["keep"] == 1 for _, definition in expanded)
    assert len({id(definition["params"]) for _, definition in expanded}) == size
