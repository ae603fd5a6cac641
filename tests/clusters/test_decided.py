"""What people decide of themes, as files in their git."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalloop.clusters import decided
from evalloop.clusters.label import TAXONOMY
from evalloop.errors import RecordError, UsageError


def test_nothing_is_decided_without_files(tmp_path: Path) -> None:
    """The taxonomy is the built-in one."""
    assert decided.read(tmp_path / "themes") == decided.Decided({}, {}, dict(TAXONOMY))


def test_names_and_joined_themes_are_kept(tmp_path: Path) -> None:
    """Later decisions stand beside earlier ones; a chain of joins leads to its end."""
    decided.rename(tmp_path, "c-1", "  Dead   links ")
    decided.rename(tmp_path, "c-2", "Old prices")
    decided.merge(tmp_path, "c-3", "c-2")
    path = decided.merge(tmp_path, "c-2", "c-1")
    found = decided.read(tmp_path)
    assert found.names == {"c-1": "Dead links", "c-2": "Old prices"}
    assert found.merged == {"c-3": "c-1", "c-2": "c-1"}
    assert path.read_text().startswith("# Names that people gave")


def test_a_circle_of_joins_is_refused(tmp_path: Path) -> None:
    """Nothing is written by a refusal; a circle made by hand ends somewhere."""
    decided.merge(tmp_path, "c-1", "c-2")
    before = (tmp_path / "names.yaml").read_text()
    for gone, into in (("c-2", "c-1"), ("c-1", "c-1")):
        with pytest.raises(UsageError, match="joined to itself"):
            decided.merge(tmp_path, gone, into)
    assert (tmp_path / "names.yaml").read_text() == before
    (tmp_path / "names.yaml").write_text("merged: {a: b, b: a}\n")
    assert set(decided.read(tmp_path).merged) == {"a", "b"}


@pytest.mark.parametrize(("name", "told", "fix"), [
    ("", "empty", "write a name"), ("   ", "empty", "write a name"), ("\u200b", "empty", "write a name"),
    ("x" * 61, "at most 60 characters", "shorter")])
def test_a_name_has_words(tmp_path: Path, name: str, told: str, fix: str) -> None:
    """Empty, too long and invisible names are refused, each with its own mend."""
    with pytest.raises(UsageError, match=told) as error:
        decided.rename(tmp_path, "c-1", name)
    assert fix in error.value.fix


def test_a_team_has_its_own_taxonomy(tmp_path: Path) -> None:
    """In place of the built-in one; what is no mapping of texts is refused with file and mend."""
    (tmp_path / "taxonomy.yaml").write_text("taxonomy:\n  billing: anything about money\n")
    assert decided.read(tmp_path).taxonomy == {"billing": "anything about money"}
    for text in ("taxonomy: [billing]\n", "taxonomy: {}\n", "taxonomy: {billing: 3}\n"):
        (tmp_path / "taxonomy.yaml").write_text(text)
        with pytest.raises(RecordError) as caught:
            decided.read(tmp_path)
        assert (caught.value.file, caught.value.field) == (str(tmp_path / "taxonomy.yaml"), "taxonomy")
    (tmp_path / "taxonomy.yaml").unlink()
    (tmp_path / "names.yaml").write_text("names: [a]\n")
    with pytest.raises(RecordError, match="names is not a mapping"):
        decided.read(tmp_path)
