"""Finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import gc
import importlib
import keyword
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import click

from evalloop import __version__
from evalloop.errors import EvalloopError, ExitCode

VERBS = {
    "demo": "one whole turn of the loop on real data, no key and no network",
    "capture": "import events from files",
    "serve": "collect events over HTTP",
    "deadletter": "list, replay or drop what a collector was sent and could not take",
    "forget": "erase a user from everything that the project keeps",
    "keys": "create, list, revoke and rotate the keys of a collector",
    "store": "look after the event store: lake, layout, age",
    "signals": "derive signals and show what they are worth",
    "cluster": "group failures into named themes",
    "themes": "the weekly digest of themes; rename, merge, follow their life",
    "grow": "turn clusters into candidate cases",
    "review": "accept, edit or reject candidate cases",
    "retire": "show which cases may retire; retire and reopen them",
    "trace": "show where a case comes from, and how it fared in every run",
    "import": "turn another tool's suite into an evalset",
    "validate": "check evalsets without running them",
    "run": "run variants on an evalset",
    "regrade": "grade saved outputs again without a call",
    "runs": "list runs, merge shards",
    "baseline": "keep a run to compare with, as a small file of git",
    "calibrate": "measure a judge against people's labels, so that it may gate",
    "power": "tell how many cases find which effect, and which clusters can never decide",
    "compare": "compare two runs, or a table of results, per cluster",
    "gate": "decide a release: exit 0 pass, 1 block, 6 inconclusive, 7 incomplete",
    "select": "choose the best of many variants by quality, cost and latency",
    "report": "write the HTML report of a comparison",
    "comment": "keep one comment on a pull request up to date",
    "notes": "write release notes",
    "release": "record what shipped, with what production is to show",
    "verify": "ask production whether a release really helped",
    "notify": "tell users that what they complained of got better",
    "status": "show the five parts of the loop and what to do next",
    "loop": "turn the loop once without anybody watching",
    "export": "write a run for another tool, or training data from what users did",
    "profile": "show what users take and leave, by group or by user",
    "cache": "show and prune kept answers",
    "graders": "list the graders that a case may name",
    "explain": "show what one grader does, its options and an example",
    "new": "write a package to start a grader from",
    "plugins": "list plugins and what they give",
    "config": "list settings, their values and where those came from",
}


READER_GONE = 141
"""What the shell sees of a program whose reader closed the pipe (128 + SIGPIPE): neither a pass nor a verdict."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


class ReaderGone(Exception):
    """Nobody reads what is printed any more."""


class Verbs(click.Group):
    """A group that imports ``evalloop.cli.VERB`` only when that verb is asked for (``import_`` for import)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the verb; click would make a closed pipe exit 1, which means a failed gate here."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = cmd_name + "_" * keyword.iskeyword(cmd_name)
        command: click.Command = importlib.import_module(f"evalloop.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs in the order of the loop, without importing them."""
        with formatter.section("Verbs, in the order of the loop"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in VERBS:
            close = get_close_matches(name, VERBS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"No such verb {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]},
             epilog="Start with: evalloop demo. Each verb has --help with examples.")
@click.version_option(__version__, prog_name="evalloop")
def cli() -> None:
    """Close the loop between what users feel and what a model does."""


def main(args: list[str] | None = None) -> NoReturn:
    """Entry point of the ``evalloop`` command; never shows a traceback for a user's mistake.

    SIGTERM (a cancelled CI job, a stopped container) ends it like Ctrl-C: what is done is kept, the rest resumable.
    """
    signal.signal(signal.SIGTERM, _terminated)
    gc.set_threshold(50_000)  # stages hold many records and few cycles: looking for those takes a fifth of the time
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        result: Any = cli.main(args=args, prog_name="evalloop", standalone_mode=False, color=color)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except EvalloopError as error:
        from evalloop.printable import printable

        click.echo(f"error: {printable(str(error))}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except ReaderGone:
        _drop_output()
        return READER_GONE
    except OSError as error:
        return _refused(error)
    except Exception:
        return _fault()
    return int(result) if isinstance(result, int) else ExitCode.OK


def _terminated(*_: object) -> None:
    """SIGTERM as Ctrl-C, also where a script started us in the background and Ctrl-C is therefore ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def _drop_output() -> None:
    """What is still to be printed goes nowhere, so that the end of the process does not stumble over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: OSError) -> int:
    """A file or folder that cannot be used; what has no name is a fault of our own."""
    from evalloop.printable import printable

    full = error.errno in _FULL
    if error.filename is None and not full:
        return _fault()
    if error.filename is None:
        _drop_output()
    place = "" if error.filename is None else f"{error.filename}: "
    fix = "make room on the disk" if full else "check the path, and who may read and write there"
    click.echo(f"error: {printable(place)}{(error.strerror or str(error)).lower()}\n    fix: {fix}", err=True)
    return ExitCode.INCOMPLETE if full else ExitCode.USAGE


def _fault() -> int:
    """An error of evalloop itself: the traceback, and a code that no gate uses."""
    traceback.print_exc()
    click.echo("this is a fault of evalloop or of a plugin; please report it with the lines above", err=True)
    return ExitCode.INTERNAL
