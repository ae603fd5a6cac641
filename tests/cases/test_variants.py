"""Reading variants."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evalloop.cases import variants
from evalloop.errors import RecordError, RecordErrors
from evalloop.records.case import Evalset


@dataclass
class Target:
    """A target with one option."""

    name: str = "openai"
    version: str = "1"
    schema: dict[str, Any] = field(default_factory=lambda: {
        "type": "object", "properties": {"base_url": {"type": "string"}}, "additionalProperties": False})


TARGETS: Any = {"openai": Target()}


def refused(*args: Any, **kwargs: Any) -> list[RecordError]:
    """What is wrong with a variant."""
    with pytest.raises(RecordErrors) as caught:
        variants.load(*args, **kwargs)
    return list(caught.value.errors)


def test_a_text_prompt_is_one_user_message(tmp_path: Path) -> None:
    """From a file: target, model, prompt, params and options."""
    path = tmp_path / "v.yaml"
    path.write_text("target: openai\nmodel: m\nprompt: |\n  Answer {{ q }}.\nparams: {temperature: 0}\n"
                    "options: {base_url: x}\n")
    variant = variants.load("v", path, tmp_path, TARGETS)
    assert variant.prompt == ({"role": "user", "content": "Answer {{ q }}.\n"},)
    assert (variant.name, variant.target, variant.model) == ("v", "openai", "m")
    assert (variant.params, variant.options) == ({"temperature": 0}, {"base_url": "x"})


def test_two_names_for_the_same_content_share_an_id(tmp_path: Path) -> None:
    """The id is a hash of the content; the text of a prompt file is content."""
    (tmp_path / "p.txt").write_text("Hello {{ q }}\n")
    by_file = variants.load("a", {"target": "t", "prompt_file": "p.txt"}, tmp_path)
    inline = variants.load("b", {"target": "t", "prompt": "Hello {{ q }}"}, tmp_path)
    assert by_file.id == inline.id
    assert by_file.id != variants.load("a", {"target": "t", "prompt": "Hello {{ p }}"}, tmp_path).id


@pytest.mark.parametrize(("files", "place"), [
    ({"v.yaml": "target: openai\nprompt: '{{ q | upper }}'\n"}, "v.yaml:2: prompt"),
    ({"v.yaml": "target: openai\nprompt:\n  - role: user\n    content: '{{ q | upper }}'\n"},
     "v.yaml:4: prompt[0].content"),
    ({"v.yaml": "target: openai\nprompt_file: p.txt\n", "p.txt": "Be kind.\n\n{{ q }} and {{ q | upper }}\n"},
     "p.txt:3"),
    ({"v.yaml": "target: openai\nprompt_file: p.yaml\n", "p.yaml": "- role: user\n  content: '{{ q | upper }}'\n"},
     "p.yaml:2: [0].content")])
def test_an_expression_in_a_prompt_is_named_with_its_line(tmp_path: Path, files: dict[str, str], place: str) -> None:
    """When the variant is read, in whichever file the prompt stands."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (error,) = refused("v", tmp_path / "v.yaml", tmp_path, TARGETS)
    assert str(error).startswith(f"{tmp_path / place}: {{{{ q | upper }}}} is not a named slot")
    assert "{{ name }}" in error.fix


def test_a_prompt_file_of_messages(tmp_path: Path) -> None:
    """A YAML prompt file holds messages, checked like inline ones."""
    (tmp_path / "p.yaml").write_text("- {role: system, content: Be kind.}\n- {role: user, content: '{{ q }}'}\n")
    variant = variants.load("a", {"target": "t", "prompt_file": "p.yaml"}, tmp_path)
    assert [each["role"] for each in variant.prompt] == ["system", "user"]
    (tmp_path / "p.yaml").write_text("- {role: system, content: x}\n- {role: usr, content: x}\n")
    (problem,) = refused("a", {"target": "t", "prompt_file": "p.yaml"}, tmp_path)
    assert (problem.file, problem.line, problem.field) == (str(tmp_path / "p.yaml"), 2, "[1].role")


def test_a_prompt_file_stays_inside_the_project(tmp_path: Path) -> None:
    """Upward paths, absolute paths and links to the outside are refused."""
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    for text in ("../secret.txt", str(tmp_path / "secret.txt"), "link.txt", "a/../../secret.txt"):
        (problem,) = refused("a", {"target": "t", "prompt_file": text}, root)
        assert problem.message == f"{text!r} lies outside the project"
    assert "there is no file" in refused("a", {"target": "t", "prompt_file": "missing.txt"}, root)[0].message


@pytest.mark.parametrize(("text", "line", "message", "fix"), [
    ("target: opnai\n", 1, "no target named 'opnai'", "did you mean 'openai'?"),
    ("target: openai\nmodle: m\n", 2, "unknown key 'modle'", "did you mean 'model'?"),
    ("target: openai\noptions:\n  base_ulr: x\n", 3, "unknown key 'base_ulr'", "did you mean 'base_url'?"),
    ("target: openai\nparams:\n  api_key: sk-1\n", 3, "a secret does not belong into a file",
     "put it into the environment"),
    ("target: openai\nprompt: x\nprompt_file: p\n", 1, "prompt and prompt_file exclude each other",
     "remove one of them"),
    ("target: openai\nmodel: 12:30\n", 2, "unquoted 12:30 is read as different values by YAML readers",
     'quote it: "12:30", or write a plain decimal number')])
def test_mistakes_have_their_line_and_mend(text: str, line: int, message: str, fix: str, tmp_path: Path) -> None:
    """Names, keys, options, secrets and types."""
    path = tmp_path / "v.yaml"
    path.write_text(text)
    (problem,) = refused("v", path, tmp_path, TARGETS)
    assert (problem.file, problem.line, problem.message, problem.fix) == (str(path), line, message, fix)


def test_all_variants_of_a_suite(tmp_path: Path) -> None:
    """Files relative to the suite and inline definitions; all problems together."""
    (tmp_path / "a.yaml").write_text("target: openai\n")
    evalset = Evalset("e", str(tmp_path), (), variants={"a": "a.yaml", "b": {"target": "openai", "model": "m"}})
    assert {name: each.model for name, each in variants.of_evalset(evalset, tmp_path, TARGETS).items()} == \
        {"a": None, "b": "m"}
    broken = Evalset("e", str(tmp_path), (), variants={"a": "../x.yaml", "b": {"target": "nope"}})
    with pytest.raises(RecordErrors) as caught:
        variants.of_evalset(broken, tmp_path, TARGETS)
    assert [each.field for each in caught.value.errors] == ["variants.a", "target"]
