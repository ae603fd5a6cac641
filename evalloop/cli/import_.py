"""``evalloop import``: a suite of another tool becomes an evalset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.loop import ImportedEvalset, import_evalset, open_project
from evalloop.printable import many, one_line, printable

EPILOG = """\b
Examples:
  evalloop import promptfoo promptfooconfig.yaml
  evalloop import tests.csv -o evalsets/greeting
  evalloop import inspect logs/popularity.eval
  evalloop import inspect biology.jsonl --field input=question --field expected=answer --grader contains
  evalloop import datasets saved/squad:test --field input=question --grader '{"type": "token_f1"}'

Exit 0 also when parts were left out: each is named, with the reason. Exit 5: no case is left.
"""


@click.command("import", epilog=EPILOG)
@click.argument("words", nargs=-1, required=True, metavar="[FORMAT] PLACE")
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), help="folder of the new evalset (default: "
              "its name among the project's evalsets)")
@click.option("--field", "fields", multiple=True, metavar="FIELD=COLUMN", help="which column is id, input, expected, "
              "choices (repeatable)")
@click.option("--grader", "graders", multiple=True, metavar="GRADER", help="judges every case: a name, or an entry as "
              "JSON (repeatable)")
@click.option("--cluster-by", metavar="KEY", help="variable or context key whose values are the clusters, as in "
              "metadata.category")
@click.option("--dry-run", is_flag=True, help="write nothing, show what would be left out")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(words: tuple[str, ...], folder: Path | None, fields: tuple[str, ...], graders: tuple[str, ...],
            cluster_by: str | None, dry_run: bool, as_json: bool) -> int:
    """Turn the suite at PLACE into an evalset; FORMAT is an importer's name (evalloop plugins lists them).

    What evalloop cannot carry (code, graders that are not installed, settings of the other tool) is left out and named.
    """
    if len(words) > 2:
        raise UsageError(f"{len(words)} words, where FORMAT and PLACE are wanted", fix="evalloop import FORMAT PLACE")
    done = import_evalset(open_project(), words[-1], importer=words[0] if len(words) == 2 else None,
                          fields=dict(map(_pair, fields)), graders=[_grader(each) for each in graders],
                          cluster_by=cluster_by, folder=folder, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(_as_dict(done), ensure_ascii=False, indent=1))
    else:
        _print(done, dry_run=dry_run)
    return ExitCode.OK if done.converted.cases else ExitCode.EMPTY


def _pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise UsageError(f"--field {text!r}", fix="write --field input=question")
    return name, column


def _grader(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--grader is not valid JSON: {error}", fix="""write '{"contains": "text"}'""") from None


def _print(done: ImportedEvalset, *, dry_run: bool) -> None:
    converted = done.converted
    for problem in converted.problems:
        click.echo(f"not carried: {printable(str(problem))}")
    for path in done.written:
        click.echo(f"wrote {printable(str(_near(path)))}")
    counts = ", ".join(f"{one_line(name)} {len(cases)}" for name, cases in converted.clusters.items())
    say(many(converted.cases, "case") + (f" ({counts})" if counts else "")
        + f", {many(len(converted.problems), 'thing')} not carried"
        + (", nothing written (dry run)" if dry_run else ""))
    variants: Sequence[str] = [*converted.settings["variants"], *converted.recordings]
    if done.written:
        say(f"next: evalloop run {_near(done.folder)}" if variants else
            f"next: evalloop validate {_near(done.folder)}, then add a variant to run it")


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _as_dict(done: ImportedEvalset) -> dict[str, Any]:
    problems = [{"file": each.file, "line": each.line, "field": each.field, "message": each.message, "fix": each.fix}
                for each in done.converted.problems]
    return {"evalset": done.converted.name, "folder": str(done.folder), "cases": done.converted.cases,
            "clusters": {name: len(cases) for name, cases in done.converted.clusters.items()},
            "variants": [*done.converted.settings["variants"], *done.converted.recordings],
            "written": [str(path) for path in done.written], "not_carried": problems}
