"""The pages say what is true: their commands run, their files load, lists are complete, links lead somewhere.

A page is a story in one empty folder. A comment right before a code block says what the block is:

    <!-- file: PATH [PATH ...] -->   this file of the folder (several paths: the same text in each)
    <!-- copy: PATH -->              (no block follows) a file of this repository is copied into the folder
    <!-- run -->                     commands that end with exit 0; `run: exit 4` for another code
    <!-- output -->                  what the commands just run printed; `...` stands for anything
    <!-- excerpt: PATH -->           lines of this file of the repository

Addresses of a model server on this machine are replaced by that of the tests' own server.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from evalloop import config, plugins
from evalloop.cli.main import VERBS, cli
from evalloop.errors import ExitCode
from evalloop.pytest_plugin import FAIL_ON
from evalloop.store import schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("plugins/**/*.md")])
BLOCK = re.compile(r"<!-- (run|output|file|copy|excerpt)(?:: ([^\n]*?))? -->\n(?:```\w*\n(.*?)```)?", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SERVER = "http://localhost:8000/v1"


class Block(NamedTuple):
    """One marked block: its kind, what stands behind the colon, its text, and the line of its marker."""

    kind: str
    argument: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The marked blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield Block(match[1], match[2] or "", match[3] or "", text.count("\n", 0, match.start()) + 1)


def named(page: Path) -> str:
    """A page as tests are named by."""
    return str(page.relative_to(ROOT))


def ticked(name: str) -> set[str]:
    """Every text in backticks on a page of docs/."""
    return set(re.findall(r"`([^`\n]+)`", (DOCS / name).read_text(encoding="utf-8")))


# ---- stories ---------------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """The folder of a page, and what its last commands printed."""

    folder: Path
    server: str
    environment: dict[str, str]
    printed: str = ""

    def tell(self, block: Block) -> None:
        """Does what one block says."""
        text = block.text.replace(SERVER, self.server)
        if block.kind == "file":
            for name in block.argument.split():
                self.place(name).write_text(text, encoding="utf-8")
        elif block.kind == "copy":
            shutil.copy(ROOT / block.argument, self.place(Path(block.argument).name))
        elif block.kind == "excerpt":
            assert block.text in (ROOT / block.argument).read_text(encoding="utf-8"), f"line {block.line}"
        elif block.kind == "run":
            self.run(text, int(block.argument.removeprefix("exit ") or 0), block.line)
        else:
            assert fits(block.text, self.printed), f"line {block.line}: printed was\n{self.printed}"

    def place(self, name: str) -> Path:
        """A file of the folder, whose own folder exists."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, commands: str, code: int, line: int) -> None:
        """Runs the commands of one block."""
        done = subprocess.run(["sh", "-e", "-c", commands], cwd=self.folder, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.printed = done.stdout
        assert done.returncode == code, f"line {line}: exit {done.returncode}\n{done.stdout}"


def fits(wanted: str, printed: str) -> bool:
    """True when a text is what was printed; ``...`` alone on a line stands for any lines, else for any characters."""
    def pattern(line: str) -> str:
        return r"(?s:.*)" if line.strip() == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\s*\n"

    return re.fullmatch("".join(map(pattern, wanted.splitlines())) + r"\s*", printed.rstrip() + "\n") is not None


@pytest.fixture
def story(tmp_path: Path, model_server: Any) -> Story:
    """An empty folder in which ``evalloop``, ``pytest`` and ``python`` are those of this test run."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    installed = any(entry.value == "evalloop.pytest_plugin" for entry in pytest11())
    plugin = "" if installed else "-p evalloop.pytest_plugin "
    for name, words in {"evalloop": "-m evalloop", "pytest": f"-m pytest {plugin}",
                        "python": ""}.items():
        (binaries / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (binaries / name).chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    kept = {key: os.environ[key] for key in ("HOME", "TMPDIR", "VIRTUAL_ENV", "LANG") if key in os.environ}
    return Story(folder, model_server.base_url, {
        **kept, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "NO_COLOR": "1",
        "COLUMNS": "80", "PYTHONUTF8": "1", "XDG_STATE_HOME": str(tmp_path / "state")})


def pytest11() -> Any:
    """The pytest plugins that this environment loads by itself."""
    from importlib.metadata import entry_points

    return entry_points(group="pytest11")


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))], ids=named)
def test_the_commands_of_a_page_run_and_print_what_it_says(page: Path, story: Story) -> None:
    """Every marked block, in order, in one folder."""
    for block in blocks(page):
        story.tell(block)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_shell_block_is_marked(page: Path) -> None:
    """No command stands in a block that nobody runs, but those that install, fetch or need what a test has not."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"((?:<!--[^\n]*-->\n)?)```sh\n(.*?)```", text, re.DOTALL)
    unmarked = [body for marker, body in found if not marker]
    assert not [body for body in unmarked if not re.search(r"pip install|git clone|ifeval|docs/cli\.py", body)]


def test_output_is_compared_line_by_line() -> None:
    """The comparison that the other tests rest on can fail."""
    assert fits("a\n...\nz\n", "a\nb\nc\nz\n")
    assert fits("took ... s\n", "took 1.2 s\n")
    assert not fits("a\nz\n", "a\nb\nz\n")
    assert not fits("a\n", "ab\n")


# ---- lists are complete ----------------------------------------------------------------------------------------------


def load_script() -> Any:
    """docs/cli.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_cli", DOCS / "cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_command_line_is_current() -> None:
    """docs/cli.md is what docs/cli.py writes (line breaks aside, which differ between versions of click)."""
    written, made = (DOCS / "cli.md").read_text(encoding="utf-8"), load_script().page()
    assert written.split() == made.split(), "run: python docs/cli.py"


def test_every_verb_setting_and_exit_code_is_on_the_page_of_the_command_line() -> None:
    """The generated page leaves nothing out."""
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `evalloop (\w+)`$", page, re.MULTILINE) == list(VERBS)
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [each.name for each in config.SETTINGS]
    assert re.findall(r"^\| (\d) \|", page, re.MULTILINE) == [str(code.value) for code in ExitCode]


COMMAND = re.compile(r"(?:^|&& |\$ )[ ]*evalloop ([a-z][^#|&>\n]*)", re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != DOCS / "decisions"], ids=named)
def test_commands_that_no_test_runs_have_the_options_that_they_name(page: Path) -> None:
    """Every command line of a page names a verb that there is, with options that it takes."""
    wrong = [f"evalloop {line}: {error}" for line in COMMAND.findall(page.read_text(encoding="utf-8"))
             if (error := refused(line.split()))]
    assert not wrong


def refused(words: list[str]) -> str:
    """Why the command line does not read these words; empty when it does. Values are not looked at."""
    command: click.Command = cli
    context = click.Context(command, info_name="evalloop")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        if below is None:
            return f"no verb {words[0]!r}"
        command, context, words = below, click.Context(below, context, words[0]), words[1:]
    try:
        command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    return ""


def keys_of(node: Any) -> Iterator[str]:
    """Every property that a JSON Schema names."""
    if isinstance(node, dict):
        properties = node.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for each in node.values():
            yield from keys_of(each)
    elif isinstance(node, list):
        for each in node:
            yield from keys_of(each)


def names(kind: str) -> list[str]:
    """The built-in plugins of a kind."""
    return list(plugins.load(builtin_only=True).names(kind))


def options(kind: str) -> list[str]:
    """The options of all built-in plugins of a kind."""
    return [key for each in plugins.load(builtin_only=True).all(kind) for key in keys_of(each.schema)]


def pytest_options() -> list[str]:
    """The options of the pytest plugin, as it registers them."""
    source = (ROOT / "evalloop" / "pytest_plugin" / "__init__.py").read_text(encoding="utf-8")
    return re.findall(r'addoption\("(--evalloop-[a-z-]+)"', source)


WANTED: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "mapping keys": ("capture.md", lambda: list(keys_of(schema.read("mapping")))),
    "mapping parsers": ("capture.md", lambda: schema.read("mapping")["$defs"]["parse"]["enum"]),
    "mapping times": ("capture.md", lambda: schema.read("mapping")["$defs"]["value"]["properties"]["time"]["enum"]),
    "event types": ("capture.md", lambda: schema.read("event")["properties"]["event_type"]["enum"]),
    "event keys": ("capture.md", lambda: list(schema.read("event")["properties"])),
    "purposes": ("capture.md", lambda: schema.read("event")["properties"]["consent"]["properties"]["purposes"]
                 ["items"]["enum"]),
    "detectors": ("capture.md", lambda: [name.partition("@")[0] for name in names("detectors")]),
    "sources": ("capture.md", lambda: names("sources")),
    "evalset keys": ("evalsets.md", lambda: list(keys_of(schema.read("evalset")))),
    "variant keys": ("evalsets.md", lambda: list(keys_of(schema.read("variant")))),
    "targets": ("evalsets.md", lambda: names("targets")),
    "options of targets": ("running.md", lambda: options("targets")),
    "pytest options": ("pytest.md", pytest_options),
    "ways to fail": ("pytest.md", lambda: list(FAIL_ON)),
    "keys of known failures": ("pytest.md", lambda: list(keys_of(schema.read("known-failures")))),
    "importers": ("evalsets.md", lambda: names("importers")),
    "exporters": ("evalsets.md", lambda: names("exporters")),
    "renderers": ("evalsets.md", lambda: names("renderers")),
    "channels": ("releases.md", lambda: names("channels")),
    "training formats": ("training.md", lambda: names("training_formats")),
}


@pytest.mark.parametrize("what", WANTED)
def test_the_guides_leave_nothing_out(what: str) -> None:
    """Each name that a user may write is explained, in backticks, on its page."""
    page, wanted = WANTED[what]
    listed = wanted()
    assert listed
    words = {word for text in ticked(page) for word in (text, *re.split(r"[\s:,{}\[\]\"|=]+", text))}
    assert not sorted(set(listed) - words), f"missing in docs/{page}"


def test_every_plugin_of_the_repository_is_in_its_table() -> None:
    """plugins/README.md names each plugin folder."""
    page = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    folders = sorted(each.parent.name for each in ROOT.glob("plugins/*/pyproject.toml"))
    assert sorted(re.findall(r"^\| \[([\w-]+)\]\(", page, re.MULTILINE)) == folders


def test_the_changelog_has_the_version_that_is_built() -> None:
    """The first version of the changelog is that of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[?([\w.]+)\]?", page, re.MULTILINE)[0] in (version, "Unreleased")
    assert f"## {version}" in page.replace("[", "").replace("]", "")


# ---- links and places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    """Relative links of every page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link and not link.startswith("#")]
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_tree_of_contributing_is_the_tree() -> None:
    """Every place that the tree names exists, and every part of the package is in it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text.split("## The tree", 1)[1].split("## ", 1)[0]
    top = re.findall(r"^    ([\w./]+)", tree, re.MULTILINE)
    inner = [part for line in re.findall(r"^      (\S.*?)(?:  |$)", tree, re.MULTILINE) for part in line.split()]
    assert not [name for name in top if not (ROOT / name).exists()]
    package = {each.name for each in (ROOT / "evalloop").iterdir() if each.suffix == ".py" or each.is_dir()}
    assert {name.rstrip("/") for name in inner} >= package - {"__main__.py", "__pycache__"}
    assert not [name for name in inner if not (ROOT / "evalloop" / name).exists()]


def test_the_readme_shows_an_evalset_that_loads(story: Story) -> None:
    """The YAML of the README is read with its variants by evalloop's own loader."""
    for block in blocks(ROOT / "README.md"):
        if block.kind == "file":
            story.tell(block)
    done = subprocess.run([sys.executable, "-m", "evalloop", "validate", "--json"], cwd=story.folder, text=True,
                          capture_output=True, env=story.environment, timeout=60)
    (found,) = json.loads(done.stdout)
    assert (found["problems"], found["cases"], found["variants"]) == ([], 1, ["base", "cand"])
