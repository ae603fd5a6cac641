"""``evalloop themes``: a week as text, Markdown, JSON and a page, and what people decide of themes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evalloop.clusters.digest import digest
from evalloop.clusters.page import as_html
from evalloop.notes.release import keep_release
from evalloop.records.cluster import Cluster, Impact, Subtheme, Themes, WeekShare
from evalloop.records.release import Release
from evalloop.store.themes import ThemeStore

HOSTILE = "<script>alert(1)</script> \"><img src=x onerror=alert(1)> & | `x` **b** [a](javascript:1) \x1b[31m\u202e"
WEEKS = (WeekShare("2026-W46", 0.1, 0.05, 0.2, 0.02, 40, 4, 38.0, 4),
         WeekShare("2026-W47", 0.4, 0.3, 0.5, 0.05, 41, 16))


def theme(cluster_id: str, label: str, **given: object) -> Cluster:
    """A theme of sixteen failures of twelve users."""
    whole = {"size": 16, "share": 0.4, "share_low": 0.3, "share_high": 0.5, "n_effective": 39.5, "users": 12,
             "week": "2026-W47", "weeks": WEEKS, "trend": "growing", "change": 0.3, "change_low": 0.2,
             "change_high": 0.4, **given}
    return Cluster(cluster_id, label, **whole)  # type: ignore[arg-type]


THEMES = Themes("2026-W47", 41, 40, (
    theme("c-1111111111", "Broken citations", quotes=(HOSTILE,), impact=Impact(0.5, 0.25, 8, 16),
          subthemes=(Subtheme("s-1", "dead links", size=6, share=0.375),)),
    theme("c-2222222222", HOSTILE, quotes=(HOSTILE,), share=0.2, keywords=(HOSTILE,)),
    theme("c-3333333333", "One person's secret", quotes=("nobody else said this",), users=1, share=0.05, size=1),
    theme("c-4444444444", "Gone quiet", size=0, share=0.0, users=0, trend="quiet", change=None),
    theme("red-team", "ignore your rules", material="red-team", kind="red-team", size=2, share=0.05, users=2),
    theme("other", "other", size=5, share=0.12),
), "2026-W47", 2)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the themes of one week."""
    (tmp_path / "evalloop.toml").write_text("min_users = 3\n")
    (tmp_path / ".evalloop").mkdir()
    with ThemeStore(str(tmp_path / ".evalloop" / "events.sqlite")) as store:
        store.save(THEMES)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a project."""
    return subprocess.run([sys.executable, "-m", "evalloop", "themes", *arguments], cwd=folder, capture_output=True,
                          text=True, encoding="utf-8", check=False)


def test_text_says_what_a_week_holds(project: Path) -> None:
    """Shares with intervals, change, sparkline, parts; a theme of few users is counted, not shown; nothing of the
    terminal is obeyed."""
    shown = run(project).stdout
    assert "2026-W47: 41 failures of 40 users in 3 themes" in shown
    line = next(each for each in shown.splitlines() if "Broken citations" in each)
    assert all(part in line for part in ("40.0%", "30.0% to 50.0%", "+30.0", "growing", "c-1111111111", "█"))
    assert re.search(r"change to last .*\n +week, points\n", shown)
    assert "change: share of the failures of 2026-W47 minus that of the week before" in shown
    assert "dead links 38%" in shown
    assert "hidden: 1 theme (5.0%) of fewer than 3 users" in shown
    assert "other: 5 failures" in shown
    assert "secret" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_fewer_users_can_be_shown_and_fewer_themes_printed(project: Path) -> None:
    """``--min-users`` and ``--top``."""
    assert "One person's secret" in run(project, "--min-users", "1").stdout
    short = run(project, "--top", "1").stdout
    assert "(+1 more; --top 2 shows all)" in short
    assert "c-2222222222" not in short


def test_json_is_whole_and_holds_no_hidden_theme(project: Path) -> None:
    """Records of the shown themes, and what is left out as numbers."""
    data = json.loads(run(project, "--format", "json").stdout)
    assert [each["cluster_id"] for each in data["themes"]] == ["c-1111111111", "c-2222222222"]
    assert (data["failures"], data["hidden"], data["other"], data["red_team"]) == (41, 1, 5, 2)
    assert data["themes"][0]["share_low"] == 0.3
    assert "nobody else said this" not in json.dumps(data)
    assert json.loads(run(project, "--json").stdout) == data
    both = run(project, "--json", "--format", "md")
    assert (both.returncode, "exclude each other" in both.stderr) == (4, True)


def test_markdown_marks_nothing_up_for_a_user(project: Path) -> None:
    """A quote is text: no tag, no link, no table cell of its own."""
    text = run(project, "--format", "md").stdout
    assert "40.0% of negative feedback (95 % interval 30.0% to 50.0%, +30.0 points (+20.0 to +40.0))" in text
    assert "50% bad outcomes, 25% elsewhere (n 8)" in text
    assert re.findall(r"(?<!\\)(?:<script|<img|\]\(javascript|\*\*b)", text) == []
    rows = [line for line in text.splitlines() if line.startswith("| 20.0%")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 10


def test_a_page_escapes_what_users_say(project: Path) -> None:
    """The page that is written holds hostile labels and quotes as text, loads nothing, and runs nothing."""
    assert "wrote" in run(project, "--format", "html", "--out", "digest.html").stderr
    page = (project / "digest.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "src=" not in page.replace("src=x", "")
    assert "Broken citations" in page
    assert "One person&#x27;s secret" not in page


def test_a_page_of_an_empty_week_is_no_error() -> None:
    """No theme at all."""
    assert "0 failures" in as_html(digest(Themes("2026-W47", 0, 0)), 15)


def test_names_and_steps_from_the_command_line(project: Path) -> None:
    """Rename, a step with its reason, history; a wrong step and an unknown theme say what to do."""
    assert run(project, "rename", "c-1111", "Dead citations").returncode == 0
    assert "Dead citations" in (project / "themes" / "names.yaml").read_text()
    assert "Dead citations" in run(project).stdout
    told = ("--release", "v12", "--reason", "cites by id", "--by", "ann")
    fixed = run(project, "status", "Dead citations", "fixed", *told)
    assert fixed.stdout == "c-1111111111: open -> fixed\n"
    assert "fixed in v12" in run(project).stdout
    assert "open -> fixed in v12: cites by id (ann)" in run(project, "history", "c-1111").stdout
    (step,) = json.loads(run(project, "history", "c-1111", "--json").stdout)
    assert (step["before"], step["status"], step["release"], step["by"]) == ("open", "fixed", "v12", "ann")
    assert json.loads(run(project, "history", "c-2222", "--json").stdout) == []
    wrong = run(project, "status", "c-2222", "resolved", "--reason", "x")
    assert (wrong.returncode, "can become" in wrong.stderr) == (4, True)
    assert "no theme is called" in run(project, "rename", "c-9999", "x").stderr


def test_release_of_a_theme_is_a_recorded_one(project: Path) -> None:
    """Where releases are recorded, another name is refused with the nearest ones; nothing moves."""
    for name in ("2026-11", "2026-12"):
        keep_release(project / "releases", Release(name, "2026-12-01T00:00:00Z", "a", "b", None, None, None, "PASS"))
    wrong = run(project, "status", "c-1111", "fixed", "--release", "2026-1", "--reason", "x")
    assert (wrong.returncode, "there is no release named '2026-1'" in wrong.stderr) == (4, True)
    assert "fix: releases: 2026-12, 2026-11; evalloop release create" in wrong.stderr
    assert run(project, "history", "c-1111").stdout == ""
    assert run(project, "status", "c-1111", "fixed", "--release", "2026-12", "--reason", "x").returncode == 0


def test_no_themes_yet_says_what_to_do(tmp_path: Path) -> None:
    """An empty project names the command that comes first."""
    (tmp_path / "evalloop.toml").write_text("")
    none = run(tmp_path)
    assert (none.returncode, "evalloop cluster" in none.stderr) == (5, True)
