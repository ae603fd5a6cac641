"""``evalloop notes``: release notes that say no more than the gate supports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evalloop import loop
from evalloop.cli.asking import may_ask_comparison, put, question
from evalloop.errors import UsageError
from evalloop.printable import one_line

EPILOG = """\b
Examples:
  evalloop notes 2026-12                                  (a release that was recorded)
  evalloop notes 2026-12 --format html -o notes.html
  evalloop notes --format feed -o feed.json               (all releases, as a JSON Feed)
  evalloop notes before after --name 2026-12 -o notes.md  (records the release, too)
"""


@click.command("notes", epilog=EPILOG)
@may_ask_comparison
@click.option("--name", help="with BASE and CAND: name of the release (default: the name of CAND)")
@click.option("--format", "form", type=click.Choice(["md", "html", "json", "feed"]), default=None,
              help="md (default), html, json (the record), feed (all releases)")
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
@click.option("--template", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Jinja template of your own (default: the setting notes_template)")
@click.option("--reword", is_flag=True, help="let the judge model put it into other words; figures are checked after")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="file to write")
def command(name: str | None, form: str | None, template: Path | None, output: Path | None, *, as_json: bool,
            reword: bool, **given: Any) -> None:
    """Write release notes for users: of a recorded release NAME, or of CAND over BASE (which records it).

    An improvement is claimed only when the gate passed. Figures of single themes are shrunken estimates, and every
    number of the notes is looked up in the record after they were written, also after a template or a model.
    """
    project = loop.open_project()
    form = "json" if as_json else form or ("html" if output and output.suffix == ".html" else "md")
    if form == "feed":
        put(loop.notes_feed(project, template), output)
        return
    first, second = given["baseline"], given["candidate"]
    if first is None:
        raise UsageError("which release?", fix="evalloop notes NAME, or evalloop notes BASE CAND")
    if second is None:
        release = loop.find_release(project, first)
    else:
        release = loop.write_release(project, loop.compare(project, question(given)), name)
    if form == "json":
        put(json.dumps(release.to_dict(), indent=1) + "\n", output)
        return
    text, why = loop.write_notes(project, release, form, template, reword=reword)
    if why:
        click.echo(f"the notes stand in their own words: {one_line(why, limit=200)}", err=True)
    put(text, output)
