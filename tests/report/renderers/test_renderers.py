"""Every format with hostile text: nothing executes, nothing breaks, nothing is lost."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.contracts import Renderer, ReportData
from evalloop.records.case import Case
from evalloop.records.report import Comparison, Score
from evalloop.report import evalloop_renderers
from evalloop.report.compare import compare, compare_all
from evalloop.report.policy import Policy
from evalloop.report.wording import p_value
from evalloop.store import schema

HOSTILE = (
    "<script>window.PWNED=1</script>", "</script><img src=x onerror=PWNED=1>", "<!--", "]]>", "a|b\nc|d",
    "\x1b]0;owned\x07\x1b[2J", "::add-mask::x", "x\n::error::y", "##[error]x",
    "=HYPERLINK(\"http://evil\")", "+1", "-1",
    "@org/team", "![x](http://evil/x.png)", "[x](javascript:alert(1))", "https://evil.example", "`` ` ``", "{{title}}",
    "\u202egnp.exe", "\x00", "\ud800", "\uffff", "&lt;b&gt;", "'; drop table", "$(id)", "\u2028x",
    "# head", "1e5", "007",
)
RENDERERS: dict[str, Renderer] = {each.name: each for each in evalloop_renderers()}


def comparison_of(names: Sequence[str]) -> Comparison:
    """Two changed cases in a cluster of each name; variants, cases and notes carry the names too."""
    base, cand = f"base {names[0]}", f"cand {names[0]}"
    scores = [Score(f"{name} {number}", variant, value, name)
              for name in names for number in range(2) for variant, value in ((base, 0.0), (cand, 1.0))]
    return compare(scores, base, cand, notes=names, policy={"protected": list(names)})


def render(form: str, names: Sequence[str] = HOSTILE) -> str:
    """The report on hostile names in one format."""
    return RENDERERS[form].render(ReportData(comparison_of(names)))


def test_json_validates_and_keeps_every_name() -> None:
    """The output has the shipped shape, is ASCII, and gives the names back unchanged."""
    text = render("json")
    data = json.loads(text)
    assert text.isascii()
    assert schema.validate("comparison", json.loads(text.replace("\\ud800", "?"))) == []
    assert {row["cluster"] for row in data["clusters"]} == set(HOSTILE)


def test_json_has_the_keys_of_the_contract() -> None:
    """What other tools read must be there, even when it is null."""
    data = json.loads(render("json", ["k"]))
    assert {"baseline", "candidate", "overall", "clusters", "gate"} <= set(data)
    assert {"n", "dropped", "delta", "interval", "p", "wins", "losses", "ties", "mde80",
            "method"} <= set(data["overall"])
    assert {"cluster", "n", "delta", "interval", "p", "p_holm", "wins", "losses", "ties", "mde80",
            "verdict"} <= set(data["clusters"][0])
    assert set(data["gate"]) >= {"verdict", "reasons"}


@pytest.mark.parametrize("form", ["table", "md", "csv", "junit", "html"])
def test_no_format_lets_control_characters_or_log_commands_through(form: str) -> None:
    """No escape, no bidirectional override, no line that a CI log takes for a command."""
    text = render(form)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"^\s*::", text, re.MULTILINE)
    assert "##[" not in text
    assert text.encode("utf-8")


def test_table_keeps_text_as_it_is_and_one_row_per_cluster() -> None:
    """``007`` stays ``007``, and no name makes a second row."""
    lines = render("table").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("OVERALL"))
    rows = lines[start + 1:lines.index("", start)]
    assert len(rows) == len(HOSTILE)
    assert any(row.startswith("007 ") for row in rows)
    assert any(row.startswith("1e5 ") for row in rows)


def test_table_fits_a_terminal_and_says_first_what_to_know() -> None:
    """At most 120 characters; notes and what was dropped stand above the figures, the exact p and the rest below."""
    scores = [Score(f"case {number}", variant, None if number == 0 and variant == "new" else float(number % 3 > shift),
                    f"a-theme-with-words-{number % 4}")
              for number in range(400) for shift, variant in enumerate(("new", "old"))]
    long = "590 duplicate rows " + "of many variants, " * 12
    comparison = compare(scores, "old", "new", notes=[long], policy={"margin": 0.02})
    lines = RENDERERS["table"].render(ReportData(comparison)).splitlines()
    assert max(map(len, lines[:lines.index("best changes:")])) <= 120
    head = " ".join(line.strip() for line in lines[:next(n for n, line in enumerate(lines) if "MDE80" in line)])
    assert long.strip() in head
    assert "1 case dropped" in head
    legend = next(line for line in lines if line.startswith("overall:"))
    assert f"exact p {p_value(comparison.overall.p_exact)}" in legend


@pytest.mark.parametrize("before", range(90, 118))
def test_wrapped_note_is_no_log_command(before: int) -> None:
    """Wherever a line of the table breaks, no line begins with what a CI log obeys."""
    scores = [Score("c", "a", 0.0), Score("c", "b", 1.0)]
    comparison = compare(scores, "a", "b", notes=["x" * before + " ::error::owned"])
    assert not re.search(r"^\s*::", RENDERERS["table"].render(ReportData(comparison)), re.MULTILINE)


def test_markdown_rows_keep_their_cells() -> None:
    """No name ends a cell, a row or a section, pings anyone, or loads anything."""
    text = render("md")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == len(HOSTILE) + 2
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}
    assert "@org" not in text
    assert not re.search(r"(?<!\\)[\[<]x?(?:img|script|\])", text)
    assert not re.search(r"https?:/", text)


@pytest.mark.parametrize("candidates", [1, 3, 120])
def test_markdown_always_fits_a_comment(candidates: int) -> None:
    """Hundreds of clusters with long hostile names, many candidates: within GitHub's limit, and the rest is counted."""
    names = [f"{number} {'|@_' * 60}" for number in range(400 if candidates < 9 else 12)]
    variants = ["base", *(f"cand {number} {'|' * 150}" for number in range(candidates))]
    scores = [Score(f"{name} c{case}", variant, float(variant == "base" or case == 0), name)
              for name in names for case in range(2) for variant in variants]
    policy = Policy.of({"must_pass": sorted({score.case for score in scores})})
    first, *others = compare_all(scores, "base", variants[1:], policy=policy,
                                 notes=[f"{number}{'|' * 3000}" for number in range(90)])
    text = RENDERERS["md"].render(ReportData(first, title="an evalset", others=tuple(others)))
    assert len(text) < 64_001
    assert "more clusters are left out here" in text
    assert text.splitlines()[1].startswith("## ")
    rows = [re.findall(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) <= 2


def test_csv_has_no_formula() -> None:
    """No cell begins with what a spreadsheet computes; every row has every column."""
    rows = list(csv.reader(io.StringIO(render("csv"))))
    assert {len(row) for row in rows} == {len(rows[0])}
    texts = [row[0] for row in rows[2:]]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]
    assert "'=HYPERLINK(\"http://evil\")" in texts


def test_junit_is_well_formed() -> None:
    """An XML parser reads one case per cluster and one for the gate."""
    suite = ElementTree.fromstring(render("junit").encode()).find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase")) == len(HOSTILE) + 1


def test_junit_states() -> None:
    """A regressed cluster and a blocked gate fail."""
    scores = [Score(f"c{number}", name, value, "k") for number in range(20) for name, value in (("a", 1.0), ("b", 0.0))]
    suite = ElementTree.fromstring(RENDERERS["junit"].render(ReportData(compare(scores, "a", "b")))).find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("tests")) == ("2", "2")


def test_markdown_can_be_found_again() -> None:
    """The first line is the marker of the one comment that is kept up to date; the verdict follows."""
    lines = render("md", ["k"]).splitlines()
    assert lines[0].startswith("<!-- evalloop")
    assert lines[1].startswith("## ")


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
@settings(max_examples=25, deadline=None)
def test_any_text_goes_through_every_format(names: list[str]) -> None:
    """No text breaks a renderer, and JUnit and JSON stay readable."""
    data = ReportData(comparison_of(names))
    texts = {name: renderer.render(data) for name, renderer in RENDERERS.items()}
    assert ElementTree.fromstring(texts["junit"].encode()) is not None
    assert len(json.loads(texts["json"])["clusters"]) == len(names)
    assert all(text.encode("utf-8") for text in texts.values())


def three() -> ReportData:
    """Three candidates with hostile names against one baseline: better, worse, and alike."""
    values = {"b": 1.0, HOSTILE[0]: 0.0, HOSTILE[8]: 0.5}
    scores = [Score(f"{name} {number}", variant, value, name) for name in HOSTILE[:6] for number in range(8)
              for variant, value in ({"a": 0.5} | values).items()]
    first, *more = compare_all(scores, "a", list(values), policy=Policy())
    return ReportData(first, others=tuple(more))


@pytest.mark.parametrize("form", ["table", "md", "csv", "junit", "json"])
def test_every_format_has_all_candidates(form: str) -> None:
    """Each candidate is there, no name breaks the format, and nothing runs."""
    text = RENDERERS[form].render(three())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", text)
    assert not re.search(r"^\s*::", text, re.MULTILINE)
    if form == "json":
        data = json.loads(text)
        assert schema.validate("comparisons", data) == []
        assert [schema.validate("comparison", each) for each in data["comparisons"]] == [[], [], []]
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len({row["candidate"] for row in rows}) == 3
        assert len(rows) == 3 * 7
    elif form == "junit":
        assert len(ElementTree.fromstring(text)) == 3
    else:
        assert "3 candidates against a" in text
        assert all(mark in text for mark in ("▲", "▼", "="))
    if form == "md":
        assert "<script>" not in text


def test_github_annotations_cannot_be_forged() -> None:
    """One command for each line, with a known kind; what names hold neither ends a property nor begins a command."""
    lines = render("github").splitlines()
    kinds = [re.match(r"::(error|warning|notice) title=evalloop%3A [^:]*::", line) for line in lines]
    assert all(kinds)
    assert lines[0].startswith("::notice title=evalloop%3A PASS::") or "INCONCLUSIVE" in lines[0]
    assert not any("\x1b" in line or "\r" in line for line in lines)
    assert max(sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "warning", "notice")) <= 10


def test_github_puts_a_lost_case_on_its_line() -> None:
    """The annotation of a case that got worse stands in its file; a comma in the path cannot add a property."""
    scores = [Score(f"c{number}", variant, value, "k") for number in range(9)
              for variant, value in (("a", 1.0), ("b", 0.0))]
    cases = {"c3": Case("c3", "k", {"vars": {}}, file="evalsets/x,line=9.yaml", line=12)}
    lines = RENDERERS["github"].render(ReportData(compare(scores, "a", "b"), cases=cases)).splitlines()
    assert lines[0].startswith("::error title=evalloop%3A BLOCK::b against a%0Aoverall worse")
    wanted = "::warning file=evalsets/x%2Cline=9.yaml,line=12,title=evalloop%3A c3 got worse::100.0 %25 with a"
    assert any(line.startswith(wanted) for line in lines)


def test_what_stands_beside_the_score_is_shown() -> None:
    """Length, cost, latency, the delta at equal length and the headline, in the table and in Markdown."""
    scores = [Score(f"c{number}", name, float(number % 3 < more), "k", length=100 + 10 * more + number,
                    latency=1.5 * more)
              for number in range(30) for name, more in (("a", 1), ("b", 2))]
    data = ReportData(compare(scores, "a", "b", shares={"k": 0.4}, shares_source="the themes of today"))
    text = RENDERERS["table"].render(data)
    assert "124.5 -> 134.5 characters (+8 %)" in text
    assert "1.5 -> 3 s (+100 %)" in text
    for form in ("table", "md"):
        shown = " ".join(RENDERERS[form].render(data).split())
        assert "weighted as in production: +33.3 points" in shown.replace("\\", "")
        assert "66.7 % -> 33.3 %, 50 % fewer" in shown.replace("\\", "").replace("-\u200b>", "->")
