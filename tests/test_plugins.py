"""The plugin host: what is loaded, what is refused, and how it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from textwrap import dedent

import pytest

from evalloop import contracts, plugins
from evalloop.errors import PluginError

ROOT = Path(__file__).parent.parent
GRADER = '''
    import evalloop

    class Loud:
        name = "{name}"
        version = "1"
        schema = {{"type": "object", "additionalProperties": False}}
        short = None
        deterministic = True
        needs = frozenset()

        def grade(self, context, options):
            return context.output.isupper()

    @evalloop.hookimpl
    def evalloop_graders():
        return [Loud()]
'''


def write(path: Path, text: str) -> Path:
    """``text`` without its common indent in a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def project(root: Path, text: str, place: str = "mine.py") -> plugins.Loaded:
    """The listing of one project plugin with this text."""
    write(root / place, text)
    host = plugins.load(root=root, project=[place], only=())
    return next(each for each in host.plugins if each.origin == "project")


def install(folder: Path, distribution: str, modules: dict[str, str], entries: str, version: str = "1.2") -> None:
    """An installed package, as pip leaves one: modules and a dist-info folder with entry points."""
    for name, text in modules.items():
        write(folder / f"{name}.py", text)
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    write(info / "entry_points.txt", f"[evalloop]\n{entries}\n")


def evalloop(*words: str, site: Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that sees the packages of ``site``."""
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run([sys.executable, "-m", "evalloop", *words], cwd=cwd, capture_output=True, text=True,
                          timeout=60, env={**os.environ, **environ, "PYTHONPATH": path}, check=False)


def listed(site: Path, cwd: Path, **environ: str) -> dict[str, dict]:
    """What ``evalloop plugins --json`` says, by name; built-ins, and what this environment has, are left out."""
    done = evalloop("plugins", "--json", site=site, cwd=cwd, **environ)
    installed = {entry.name for entry in metadata.entry_points(group="evalloop")}
    return {each["name"]: each for each in json.loads(done.stdout)
            if each["origin"] != "built-in" and each["name"] not in installed}


def test_built_ins_are_healthy():
    """Every built-in loads, and some grader is there."""
    host = plugins.load(builtin_only=True)
    host.wake(*plugins.KINDS)
    assert [each.name for each in host.plugins if each.provides] == list(plugins.BUILTINS)
    assert host.problems() == []
    assert "contains" in host.names("graders")
    assert host.owner("graders", "contains").name == "graders"
    assert host.versions() == {}


def test_an_unknown_name_comes_with_a_suggestion():
    """The error lists what there is and what may be meant."""
    with pytest.raises(PluginError, match="no grader named 'contians'") as error:
        plugins.load(builtin_only=True).get("graders", "contians")
    assert "did you mean 'contains'?" in error.value.fix
    assert "equals" in error.value.fix


def test_every_kind_has_a_hook_and_a_protocol_with_members():
    """The table of kinds follows the hooks."""
    from evalloop import hookspecs

    assert [f"evalloop_{kind}" for kind in plugins.KINDS] == [name for name in vars(hookspecs)
                                                               if name.startswith("evalloop_")]
    assert plugins.members(contracts.Grader) == {
        "name", "version", "schema", "short", "deterministic", "needs", "grade"}
    assert plugins.members(contracts.Source) == {"name", "version", "matches", "rows"}


def test_a_project_file_is_a_plugin(tmp_path):
    """One .py file is enough; run headers record its place and a version that follows its code."""
    def versions(text):
        write(tmp_path / "graders/loud.py", text)
        return plugins.load(root=tmp_path, project=["graders/loud.py"], only=()).versions()

    first, same, other = (versions(GRADER.format(name=name)) for name in ("loud", "loud", "louder"))
    assert list(first) == ["graders/loud.py"]
    assert first == same != other


def test_a_project_folder_is_a_plugin(tmp_path):
    """A package folder works, with relative imports."""
    write(tmp_path / "mine/inner.py", GRADER.format(name="inside"))
    write(tmp_path / "mine/__init__.py", "from .inner import evalloop_graders")
    host = plugins.load(root=tmp_path, project=["mine"], only=())
    assert host.problems() == []
    assert "inside" in host.names("graders")


def test_a_project_file_does_not_shadow_a_library(tmp_path):
    """A plugin file named json.py leaves the real json alone."""
    assert project(tmp_path, GRADER.format(name="x"), "json.py").state == "ok"
    assert sys.modules["json"] is json


def test_two_project_files_of_one_name_are_two_modules(tmp_path):
    """a/mine.py and b/mine.py do not overwrite each other."""
    for folder in "ab":
        write(tmp_path / folder / "mine.py", GRADER.format(name=f"from_{folder}"))
    host = plugins.load(root=tmp_path, project=["a/mine.py", "b/mine.py"], only=())
    assert {"from_a", "from_b"} <= set(host.names("graders"))


@pytest.mark.parametrize("place", ["../outside.py", "link.py"])
def test_a_place_outside_the_project_is_refused(tmp_path, place):
    """Neither dots nor a symbolic link lead out of the project; nothing there is executed."""
    outside = write(tmp_path / "outside.py", "raise SystemExit('executed')")
    root = tmp_path / "project"
    root.mkdir()
    (root / "link.py").symlink_to(outside)
    loaded = plugins.load(root=root, project=[place], only=()).problems()[0]
    assert "lies outside the project" in loaded.problem


@pytest.mark.parametrize("place", ["missing.py", "empty_folder", "notes.txt"])
def test_a_place_without_python_is_refused(tmp_path, place):
    """The problem names the place."""
    (tmp_path / "empty_folder").mkdir()
    write(tmp_path / "notes.txt", "no python")
    loaded = plugins.load(root=tmp_path, project=[place], only=()).problems()[0]
    assert place in loaded.problem


@pytest.mark.parametrize(("text", "problem"), [
    ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("def broken(:", "SyntaxError"),
    ("x = 1", "gives nothing: no function in it is a hook"),
    ("def evalloop_graders(): return []", "'evalloop_graders' is not marked as a hook"),
    ("import evalloop\n@evalloop.hookimpl\ndef evalloop_grader(): return []", "did you mean 'evalloop_graders'?"),
    ("import evalloop\n@evalloop.hookimpl\ndef evalloop_graders(extra): return []", "extra"),
    ("import evalloop\n@evalloop.hookimpl\ndef evalloop_graders(): pass", "evalloop_graders returned None"),
    ("import evalloop\n@evalloop.hookimpl\ndef evalloop_graders(): 1 / 0", "ZeroDivisionError"),
    (GRADER.format(name="x").replace("short = None", ""), "Loud is not a Grader: it lacks short"),
    (GRADER.format(name="x").replace("def grade", "def judge"), "Loud is not a Grader: it lacks grade"),
    (GRADER.format(name="x").replace("[Loud()]", "[Loud]"), "Loud is a class; give an object: Loud()"),
    (GRADER.format(name="x").replace("[Loud()]", "[Loud(), Loud()]"), "two graders of this plugin are named 'x'"),
    (GRADER.format(name=""), "Loud.name must be a text that is not empty"),
    (GRADER.format(name="x").replace('version = "1"', "version = 1"), "Loud.version must be a text"),
])
def test_a_broken_plugin_is_named_and_survived(tmp_path, text, problem):
    """Whatever is wrong, the plugin is listed with its problem, and the others work."""
    loaded = project(tmp_path, text)
    assert loaded.state == "broken"
    assert problem in loaded.problem
    assert loaded.trace.startswith("Traceback")
    assert loaded.provides == {}


def test_a_failed_import_leaves_no_half_module(tmp_path):
    """The module that broke is not found by later imports."""
    project(tmp_path, "raise RuntimeError", "half_done.py")
    assert not [name for name in sys.modules if "half_done" in name]


def test_a_name_given_twice_is_refused_and_both_owners_are_named(tmp_path):
    """The built-in stays; the newcomer is listed as doubled and gives nothing."""
    loaded = project(tmp_path, GRADER.format(name="contains"))
    assert loaded.state == "doubled"
    assert "'contains' is given by graders (built-in) and by mine.py (project)" in loaded.problem
    assert "uninstall or disable" in loaded.problem


def test_an_installed_package_is_loaded(tmp_path):
    """An entry point of the group evalloop is found, with its distribution and version, after the built-ins."""
    install(tmp_path / "site", "evalloop-loud", {"loud_module": GRADER.format(name="loud")}, "loud = loud_module")
    done = evalloop("plugins", site=tmp_path / "site", cwd=tmp_path)
    assert done.returncode == 0
    assert "loud 1.2 (evalloop-loud): ok\n    graders: loud" in done.stdout


def test_broken_and_doubled_packages_do_not_stop_the_others(tmp_path):
    """One good, one that cannot be imported, one without its module, two of a name: each is told, exit code 4."""
    site = tmp_path / "site"
    install(site, "good", {"good_module": GRADER.format(name="good")}, "good = good_module")
    install(site, "bad", {"bad_module": "raise RuntimeError('\\x1b[31mno')"}, "bad = bad_module\ngone = no_such_module")
    install(site, "first", {"first_module": GRADER.format(name="same")}, "first = first_module")
    install(site, "second", {"second_module": GRADER.format(name="same")}, "second = second_module")
    expected = {"bad": "broken", "first": "ok", "gone": "broken", "good": "ok", "second": "doubled"}
    states = {name: each["state"] for name, each in listed(site, tmp_path).items()}
    assert {name: states.get(name) for name in expected} == expected
    done = evalloop("plugins", "--trace", site=site, cwd=tmp_path)
    assert done.returncode == 4
    assert "RuntimeError: \\x1b[31mno" in done.stdout
    assert "\x1b" not in done.stdout
    assert "'same' is given by first (first) and by second (second)" in done.stdout
    assert "Traceback" in done.stdout


def test_a_broken_package_does_not_stop_other_verbs(tmp_path):
    """evalloop config works beside it, and its import is not even tried."""
    install(tmp_path / "site", "bad", {"bad_module": "print('imported')\nraise RuntimeError"}, "bad = bad_module")
    done = evalloop("config", site=tmp_path / "site", cwd=tmp_path)
    assert (done.returncode, "imported" in done.stdout) == (0, False)


def test_packages_can_be_disabled_and_selected(tmp_path):
    """disable_plugins leaves one out, only_plugins all others; both are listed as disabled and not imported."""
    site = tmp_path / "site"
    for name in ("one", "two"):
        install(site, name, {f"{name}_module": GRADER.format(name=name)}, f"{name} = {name}_module")
    without = listed(site, tmp_path, EVALLOOP_DISABLE_PLUGINS="one")
    selected = listed(site, tmp_path, EVALLOOP_ONLY_PLUGINS="one")
    assert {name: each["state"] for name, each in without.items()} == {"one": "disabled", "two": "ok"}
    assert {name: each["state"] for name, each in selected.items()} == {"one": "ok", "two": "disabled"}


def test_a_projects_own_plugins_are_named_in_its_settings(tmp_path):
    """``plugins`` of evalloop.toml is all that is needed."""
    write(tmp_path / "loud.py", GRADER.format(name="loud"))
    write(tmp_path / "evalloop.toml", 'plugins = ["loud.py"]\n')
    assert listed(tmp_path / "site", tmp_path)["loud.py"]["provides"] == {"graders": ["loud"]}


def test_a_pattern_names_every_file_of_a_folder(tmp_path):
    """``graders/*.py``, but nothing that begins with an underscore; one that means nothing is named."""
    (tmp_path / "graders").mkdir()
    for name in ("one", "two", "_helper"):
        (tmp_path / "graders" / f"{name}.py").write_text(
            "import evalloop\n\nclass G:\n    version = '1'\n    name = __name__.rpartition('_')[0][-3:]\n"
            "    schema, short, deterministic, needs = {}, None, True, frozenset()\n"
            "    def grade(self, context, options):\n        return True\n\n"
            "@evalloop.hookimpl\ndef evalloop_graders():\n    return [G()]\n")
    host = plugins.load(root=tmp_path, project=["graders/*.py", "judges/*.py", "../*.py"])
    mine = {each.name: (each.state, each.problem) for each in host.plugins if each.origin == "project"}
    assert mine["graders/one.py"] == mine["graders/two.py"] == ("ok", "")
    assert "graders/_helper.py" not in mine
    assert mine["judges/*.py"] == ("broken", "nothing at 'judges/*.py'\n    fix: name a .py file or a package folder")
    assert "outside the project" in mine["../*.py"][1]
