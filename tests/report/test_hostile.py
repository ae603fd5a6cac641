"""Hostile outputs and names, from public commands through every format: nothing runs, breaks a table, or swells."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

CHECKOUT = Path(__file__).parent.parent.parent
CORPUS = {
    "escape": "\x1b]0;owned\x07\x1b[2J\x1b[31mred", "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "c1": "\x9b2J\x9d0;owned\x9c", "backspace": "PASS\b\b\b\bFAIL", "return": "ok\r::error::owned\rFAKE",
    "command": "::error::owned", "late": "fine\n::error file=a.py,line=1::owned\n  ::add-mask::x",
    "azure": "##[error]owned ##vso[task.setvariable variable=x]y",
    "breaks": "a\u2028::error::b\u2029c\x85d\x0b::error::e\x0c::error::f",
    "script": "</script><script>window.PWNED=1</script>", "image": "<img src=x onerror=\"window.PWNED=1\">",
    "svg": "<svg onload=window.PWNED=1>", "template": "{{7*7}} ${7*7} <%= 7*7 %> {% raw %} {{script}}",
    "details": "</details></table><h1>owned</h1>", "comment": "<!-- --> ]]> <![CDATA[ &lt;b&gt;",
    "entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "E">]>&e;',
    "pipe": "a | b || c |---|---|", "backslash": "\\| \\\\|", "fence": "```\n~~~\n# head",
    "quotes": "' \" ` ; $(id) && id",
    "mention": "@org/team [x](javascript:alert(1)) ![i](http://evil.example/i.png) https://evil.example",
    "bidi": "\u202egnp.exe\u2066x\u2069", "zalgo": "a" + "\u0300" * 5000, "wide": "漢" * 5000,
    "nul": "a\x00b", "surrogate": "\ud800x", "noncharacter": "\uffff\ufffe", "megabyte": "x" * 1_000_000,
    "formula": "=cmd|' /C calc'!A0", "plus": "+1+1", "minus": "-2+3", "at": "@SUM(1)", "tab": "\t=1",
}
BROKEN = ("escape", "late", "megabyte")
"""Cases whose call fails with that text under the candidate."""
APP = """\
import json, pathlib
CORPUS = json.loads(pathlib.Path(__file__).with_name("corpus.json").read_text())
def base(name):
    return CORPUS[name] + " no"
def cand(name):
    if name in {broken!r}:
        raise ValueError(CORPUS[name])
    return CORPUS[name] + " yes"
"""
SUITE = """\
evalset: h
variants:
  base: {target: python, prompt: "{{ name }}", options: {callable: "app.py:base"}}
  cand: {target: python, prompt: "{{ name }}", options: {callable: "app.py:cand"}}
graders: [{contains: "yes"}, {equals: "yes", weight: 0.01}]
"""
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
TAGS = {"h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "strong", "details", "summary", "br"}
FORMS = ("table", "md", "json", "junit", "github", "csv", "html")
LONGEST = 200_000
"""Characters of any format but the page, which has 3 MB."""


class Shop:
    """A project whose two runs, and whose table, hold the corpus; the commands as processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "120"}
        self.env.pop("NO_COLOR", None)
        (root / "evalsets" / "h").mkdir(parents=True)
        rows = [{"id": f"c-{name}", "cluster": f"k-{name[0]}", "input": {"vars": {"name": name}}} for name in CORPUS]
        cells = [{"case": text[:3000], "variant": variant, "value": value, "cluster": text[:3000]}
                 for name, text in CORPUS.items() if name != "surrogate"
                 for variant, value in (("base", 1), ("c|</script>\x1b[2J", 0))]
        for path, text in {"corpus.json": json.dumps(CORPUS), "app.py": APP.format(broken=BROKEN),
                           "evalloop.toml": 'allow_python = ["app.py:base", "app.py:cand"]\n',
                           "evalsets/h/suite.yaml": SUITE, "evalsets/h/m.evalset.jsonl": lines(rows),
                           "table.jsonl": lines(cells)}.items():
            (root / path).write_text(text, encoding="utf-8")

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,), **env: str) -> str:
        """What a module prints."""
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=self.root, env={**self.env, **env}, timeout=120,
                              capture_output=True, check=False)
        assert done.returncode in codes, done.stderr.decode()[-3000:]
        assert not HIDDEN.search(done.stderr.decode())
        return done.stdout.decode()

    def on_a_terminal(self, *arguments: str) -> str:
        """The same on a terminal, which knows colours."""
        ours, theirs = pty.openpty()
        env = {**self.env, "TERM": "xterm-256color"}
        with subprocess.Popen([sys.executable, "-m", *arguments], cwd=self.root, env=env, stdout=theirs,
                              stderr=theirs, stdin=theirs):
            os.close(theirs)
            text = b"".join(iter(lambda: received(ours), b""))
        os.close(ours)
        return text.decode().replace("\r\n", "\n")

    def compared(self, source: str, form: str) -> str:
        """One comparison, of the runs or of the table."""
        told = ("base", "cand") if source == "runs" else ("--table", "table.jsonl", "--cluster", "cluster", "base",
                                                               "c|</script>\x1b[2J")
        if form == "table":
            return self.on_a_terminal("evalloop", "compare", *told)
        return self.run("evalloop", "compare", *told, "--format", form)


def lines(rows: list[dict[str, Any]]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def received(terminal: int) -> bytes:
    """What a terminal has, nothing when its program is gone."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project with two runs: the baseline fails every case; the candidate passes all but the broken ones."""
    made = Shop(tmp_path_factory.mktemp("shop"))
    made.run("evalloop", "run", "h", "--variant", "base", "--name", "base")
    told = made.run("evalloop", "run", "h", "--variant", "cand", "--name", "cand", codes=(7,))
    assert not COMMAND.search(told)
    return made


def table(text: str, source: str) -> None:
    """One row of figures for each cluster, nothing that a terminal obeys."""
    assert not HIDDEN.search(text)
    found = text.splitlines()
    start = next(number for number, line in enumerate(found) if line.startswith("OVERALL"))
    rows = found[start + 1:found.index("", start)]
    clusters = {name[0] for name in CORPUS} if source == "runs" else CORPUS.keys() - {"surrogate"}
    assert len(rows) == len(clusters)
    assert all(re.search(r"\d\.\d", row) for row in rows)
    below = [line for line in found if re.search(r"\d+/\d+/\d+", line)]
    assert len(below) == len(rows) + 1


def md(text: str, source: str) -> None:
    """A reader of Markdown makes no element of what was named, nor a cell more."""
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text.partition("\n")[2])
    assert {tag.lower() for tag in re.findall(r"</?([A-Za-z][\w-]*)", page)} <= TAGS
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    assert {len(re.findall(r"<t[hd]", row)) for row in rows} == {8}
    assert len(rows) > len(CORPUS) - 2 if source == "table" else len(rows) > 15
    assert not re.search(r"@(?!\u200b)|https?:/", text)


def as_json(text: str, source: str) -> None:
    """ASCII, and whole."""
    assert text.isascii()
    assert len(json.loads(text)["clusters"]) > 15


def junit(text: str, source: str) -> None:
    """XML without a forged element; a reader finds one case for each cluster and one for the gate."""
    suite = ElementTree.fromstring(text.encode())[0]
    assert {each.tag for each in suite.iter()} <= {"testsuite", "testcase", "failure", "error", "skipped", "system-out"}
    assert len(suite) > 15
    assert max(len(each.text or "") for each in suite.iter()) <= 20_000


def github(text: str, source: str) -> None:
    """Nothing but known commands, each on its line; taken off here, for what else is there may be none."""
    known = r"(?m)^::(error|warning|notice) (file=[^:,]*,line=\d+,)?title=evalloop%3A [^:\n]*::.*\n"
    assert re.sub(known, "", text) == ""


def as_csv(text: str, source: str) -> None:
    """A full row for each cluster; no cell of text that a spreadsheet computes."""
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [row[0] for row in rows if row[0].lstrip().startswith(("=", "+", "-", "@"))]
    assert max(len(cell) for row in rows for cell in row) <= 2_001


def html(text: str, source: str) -> None:
    """No element but our own; a browser looks at the page below."""
    assert len(text) < 3_000_000
    assert not re.search(r"<(img|svg onload|h1>owned)|<script>(?!\"use strict\")", text)
    assert "{{script}}" in text or source == "runs"


CHECKS: dict[str, Callable[[str, str], None]] = {
    "table": table, "md": md, "json": as_json, "junit": junit, "github": github, "csv": as_csv, "html": html}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("source", ["runs", "table"])
def test_no_format_is_broken_by_what_it_holds(shop: Shop, source: str, form: str) -> None:
    """Outputs, errors, names of cases and clusters: no control character, no CI command, bounded, and well-formed."""
    text = shop.compared(source, form)
    CHECKS[form](text, source)
    assert not HIDDEN.search(text)
    assert form == "github" or not COMMAND.search(text)
    assert form == "html" or len(text) < LONGEST


@pytest.mark.parametrize("source", ["runs", "table"])
def test_page_runs_nothing_of_it(shop: Shop, open_page: Callable[..., Any], source: str) -> None:
    """In Chromium every case is opened and searched: text alone, no request, no complaint of the browser."""
    from playwright.sync_api import expect

    page = open_page(shop.compared(source, "html"), hash="#show=all")
    shown = page.locator("button.case")
    assert shown.count() == len(CORPUS) - (source == "table")
    for button in shown.all():
        button.click()
    sides = page.locator("tr.detail .sides, tr.detail .quiet:has-text('not part of this report')")
    expect(sides).to_have_count(shown.count())
    page.locator("#search").fill("window.pwned")
    expect(page.locator("#count")).to_have_text(f"3 of {shown.count()} cases")
    shown.first.wait_for()
    assert page.evaluate("[window.PWNED, document.title.includes('owned')]") == [None, False]
    assert page.locator("img, iframe, main script, h1:has-text('owned'), #rows a").count() == 0


def test_comment_on_a_pull_request(shop: Shop, github: Any) -> None:
    """What GitHub gets is the Markdown that was looked at, within its limit, under our own hidden line."""
    for source in ("runs", "table"):
        (shop.root / "c.md").write_text(shop.compared(source, "md"), encoding="utf-8")
        shop.run("evalloop", "comment", "c.md", "--repository", "me/app", "--pull", "12", "--api", github.url,
                 "--key", source, GITHUB_TOKEN="secret-token")
        body = github.comments[-1]["body"]
        md(body, source)
        assert body.startswith("<!-- evalloop report")
        assert len(body) < 65_536
    assert len(github.comments) == 2


def test_pytest_and_its_junit(shop: Shop) -> None:
    """The same cases as pytest items: its terminal and its XML hold the outputs, safe and short."""
    plugin = () if installed() else ("-p", "evalloop.pytest_plugin")
    told = shop.run("pytest", *plugin, "evalsets", "--junitxml=j.xml", "-p", "no:cacheprovider", "-rA", codes=(1,))
    assert not HIDDEN.search(told)
    assert not COMMAND.search(told)
    assert "window.PWNED" in told
    xml = (shop.root / "j.xml").read_text(encoding="utf-8")
    assert not HIDDEN.search(xml)
    assert not COMMAND.search(xml)
    cases = list(ElementTree.fromstring(xml.encode()).iter("testcase"))
    assert len(cases) == 2 * len(CORPUS)
    assert len(xml) + len(told) < 2 * LONGEST


def installed() -> bool:
    """Whether pytest finds the plugin by itself."""
    from importlib.metadata import entry_points

    return bool(entry_points(group="pytest11", name="evalloop"))
