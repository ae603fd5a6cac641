"""Writes docs/cli.md: the help of every verb, the exit codes and the settings. Run it when one of them changes."""

from __future__ import annotations

import importlib
import inspect
import keyword
from pathlib import Path
from typing import Any

import click

from evalloop.cli.main import VERBS, cli
from evalloop.config import SETTINGS
from evalloop.errors import ExitCode

WIDTH = 80
START = """\
# The command line

<!-- written by docs/cli.py: do not edit -->

The verbs in the order of the loop. `evalloop VERB --help` prints what stands here; [exit codes](#exit-codes) and
[settings](#settings) are at the end. Verbs that take `--json` then print JSON alone on stdout.

On a terminal lines and tables are no wider than it is (or than `COLUMNS` says): cells wrap, and columns that do not
fit stand in a table below; numbers and ids are never cut. In a pipe or a file each row is one whole line.
"""
EXIT_CODES = {
    ExitCode.OK: "done; for `gate`: PASS",
    ExitCode.GATE_FAILED: "`gate`: BLOCK; there is evidence that the candidate is worse",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C or SIGTERM; a run can be resumed",
    ExitCode.INTERNAL: "a fault in evalloop itself, with its traceback",
    ExitCode.USAGE: "a wrong command line, setting or file; every problem is shown with its place and its mend",
    ExitCode.EMPTY: "there was nothing to do: no event, no failure, no candidate, no evalset",
    ExitCode.INCONCLUSIVE: "`gate`: INCONCLUSIVE; not enough evidence either way",
    ExitCode.INCOMPLETE: "`gate`: INCOMPLETE; `run`, `regrade`: calls or graders failed; no budget or disk space left",
}
PIPES = """\
When the reader of a pipe goes away (`evalloop compare A B | head -1`), the code is 141, as with any program.
"""
SETTINGS_START = """\
## Settings

Looked up in this order: command line, environment (`EVALLOOP_` and the name in capitals; commas between the items of a
list), `evalloop.toml` or `[tool.evalloop]` of `pyproject.toml` in the project folder, default. The project folder is
the nearest one upwards with one of these or with `.evalloop/`. `evalloop config` shows each value and its origin.

| setting | type | default | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    verbs = "".join(f"\n## `evalloop {verb}`\n\n```text\n{help_of(verb)}\n```\n" for verb in VERBS)
    codes = "".join(f"| {code.value} | {EXIT_CODES[code]} |\n" for code in ExitCode)
    settings = "".join(f"| `{each.name}` | {each.kind.__name__} | {_default(each.default)} | {each.help} |\n"
                       for each in SETTINGS)
    return f"{START}{verbs}\n## Exit codes\n\n| code | means |\n|---|---|\n{codes}\n{PIPES}\n{SETTINGS_START}{settings}"


def help_of(verb: str) -> str:
    """What ``--help`` prints for a verb in a terminal of 80 columns."""
    command = importlib.import_module(f"evalloop.cli.{verb}{'_' * keyword.iskeyword(verb)}").command
    with click.Context(cli, info_name="evalloop", **cli.context_settings) as parent:
        context = click.Context(command, info_name=verb, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
        helps = [inspect.cleandoc(str(command.get_help(context)))]
        for name, each in command.commands.items() if isinstance(command, click.Group) else ():
            with click.Context(each, info_name=name, parent=context, terminal_width=WIDTH,
                               max_content_width=WIDTH) as inner:
                helps.append(inspect.cleandoc(str(each.get_help(inner))))
        return "\n\n".join(helps)


def _default(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in ("", ()) else ""


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
