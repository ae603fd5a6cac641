"""``evalloop explain``: one grader with its options and an example that can be pasted into a case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any

import click

from evalloop.cli.graders import about
from evalloop.cli.printing import say
from evalloop.contracts import Grader
from evalloop.errors import ExitCode
from evalloop.loop import open_project
from evalloop.printable import one_line, printable

_LISTED = re.compile(r"\n([^\w`(]|\d+[.)])")


@click.command("explain", epilog="Examples: evalloop explain citations; evalloop explain json-schema --json")
@click.argument("grader")
@click.option("--json", "as_json", is_flag=True, help="print JSON: the same with the options' whole JSON Schema")
def command(grader: str, as_json: bool) -> int:
    """Show what GRADER does, its options, what it needs, and an example. Exit 4 when there is no such grader."""
    host = open_project().host
    name = grader if grader in host.names("graders") else grader.replace("-", "_")
    found = host.get("graders", name)
    if as_json:
        click.echo(json.dumps(about(host, found), indent=1))
        return ExitCode.OK
    owner = host.owner("graders", name)
    say(one_line(f"{found.name} {found.version} ({owner.name}, {owner.origin})", limit=200))
    say(f"\n{printable(_paragraphs(cleandoc(type(found).__doc__ or '')))}", hang=0)
    for part in _sections(found):
        say(f"\n{printable(part)}")
    if examples := found.schema.get("examples"):
        click.echo(f"\nexample:\n{printable(_example(found, examples))}")
    return ExitCode.OK


def _paragraphs(text: str) -> str:
    """A paragraph to a line, which its terminal breaks; lists and other indented text stay as they are."""
    parts = [part if _LISTED.search(part) else part.replace("\n", " ") for part in text.split("\n\n")]
    return "\n\n".join(parts)


def _sections(grader: Grader) -> Iterator[str]:
    needs = {"expected": "the case's 'expected'", "context": "the case's 'context'", "judge": "a judge model",
             "embedding": "an embedder"}
    if grader.needs:
        yield "needs: " + ", ".join(needs.get(each, each) for each in sorted(grader.needs))
    options = list(_options(grader))
    yield "options:\n" + "\n".join(options) if options else "it takes no options"


def _options(grader: Grader) -> Iterator[str]:
    required = grader.schema.get("required", ())
    for name, option in grader.schema.get("properties", {}).items():
        marks = [_kind(option)] + ["required"] * (name in required) + ["takes the bare value"] * (name == grader.short)
        marks += [f"default: {json.dumps(option['default'], ensure_ascii=False)}"] if "default" in option else []
        yield f"  {name} ({'; '.join(marks)})\n      {one_line(option.get('description', ''), limit=2000)}"


def _kind(option: Mapping[str, Any]) -> str:
    """What an option holds, in a word or two."""
    if option.get("format") == "evalloop-grader":
        return "a grader"
    if "enum" in option:
        return "one of " + ", ".join(json.dumps(each) for each in option["enum"])
    if "anyOf" in option:
        return " or ".join(_kind(each) for each in option["anyOf"])
    kind = option.get("type", "anything")
    if kind == "array":
        items = option.get("items", {})
        return "a list of graders" if items.get("format") == "evalloop-grader" else "a list"
    names = {"string": "text", "object": "a mapping", "boolean": "true or false", "integer": "a whole number",
             "number": "a number"}
    return " or ".join(names.get(each, each) for each in ([kind] if isinstance(kind, str) else kind))


def _example(grader: Grader, examples: list[Mapping[str, Any]]) -> str:
    """The examples as a case writes them, the shortest form first."""
    from evalloop.store import yaml

    short = grader.short
    entries = [{grader.name: options[short] if short and list(options) == [short] else dict(options)}
               for options in examples]
    return yaml.dump({"graders": entries}).rstrip()
