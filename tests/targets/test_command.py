"""The command target: only allowed programs run, without a shell, and none outlives its call."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evalloop.errors import ConfigError, TargetError
from evalloop.records.call import Request
from evalloop.records.variant import Variant
from evalloop.runs.services import Host
from evalloop.targets.command import CommandTarget

BOT = """\
import json, sys
asked = sys.stdin.read()
if asked == "fail":
    sys.exit("no idea")
if asked == "sleep":
    import os, subprocess, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open("pids.tmp", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename("pids.tmp", "pids")
    time.sleep(60)
print(json.dumps({"answer": {"text": asked.upper()}, "tokens": 3}) if "--json" in sys.argv else asked[::-1])
"""


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    """A program of the project."""
    (tmp_path / "bot.py").write_text(BOT)
    return Variant("bot", "command", options={"argv": [sys.executable, "bot.py"]})


def _line(variant: Variant) -> str:
    return shlex.join(variant.options["argv"])


def test_the_question_goes_in_and_the_answer_comes_out(ask: Any, variant: Variant, request_for: Any) -> None:
    """The last message on standard input, the text from standard output, started in the project folder."""
    reply = ask(CommandTarget(), variant, request_for("gr\u00fc\u00df"), commands=(_line(variant),))[0]
    assert reply.text == "\u00df\u00fcrg"
    assert reply.latency_s > 0


def test_json_goes_in_and_out_by_template_and_path(ask: Any, variant: Variant) -> None:
    """What the runner filled into stdin is written as JSON, and the answer is read like that of an HTTP service."""
    told = Variant("bot", "command", options={"argv": [sys.executable, "bot.py", "--json"], "output": "answer.text",
                                              "fields": {"output_tokens": "tokens"}, "stdin": {"q": "{{ q }}"}})
    asked = Request("a", (), options={"stdin": {"q": "x"}})
    reply = ask(CommandTarget(), told, asked, commands=(_line(told),))[0]
    assert json.loads(reply.text) == {"Q": "X"}
    assert reply.usage == {"output_tokens": 3}


@pytest.mark.parametrize("allowed", [(), (sys.executable,), (f"{sys.executable} bot.py --json",), ("python bot.py",)])
def test_only_the_very_command_line_that_is_allowed_runs(ask: Any, variant: Variant, request_for: Any,
                                                         allowed: tuple[str, ...]) -> None:
    """Not the program alone, not with other arguments."""
    with pytest.raises(ConfigError, match="not allowed to run") as caught:
        ask(CommandTarget(), variant, request_for(), commands=allowed)
    assert "allow_commands" in caught.value.fix


def test_no_shell_reads_what_a_case_holds(ask: Any, variant: Variant, request_for: Any, tmp_path: Path) -> None:
    """Neither arguments nor input are commands."""
    hostile = "$(touch owned); touch owned & `touch owned`"
    told = Variant("bot", "command", options={"argv": [sys.executable, "bot.py", hostile]})
    assert ask(CommandTarget(), told, request_for(hostile), commands=(_line(told),))[0].text == hostile[::-1]
    assert not (tmp_path / "owned").exists()


def test_a_program_that_fails_is_an_error_with_its_last_words(ask: Any, variant: Variant, request_for: Any) -> None:
    """The exit status and the last line of standard error, no pass and no loss."""
    with pytest.raises(TargetError, match="ended with 1: no idea"):
        ask(CommandTarget(), variant, request_for("fail"), commands=(_line(variant),))
    missing = Variant("bot", "command", options={"argv": ["./no-such-program"]})
    with pytest.raises(TargetError, match="cannot be started") as caught:
        ask(CommandTarget(), missing, request_for(), commands=("./no-such-program",))
    assert caught.value.fatal


def test_a_program_that_takes_too_long_is_ended_with_its_children(ask: Any, variant: Variant, request_for: Any,
                                                                  tmp_path: Path) -> None:
    """After the time limit neither the program nor what it started is left."""
    slow = Variant("bot", "command", options={**variant.options, "timeout": 3.0})
    with pytest.raises(TargetError, match="longer than 3 s"):
        ask(CommandTarget(), slow, request_for("sleep"), commands=(_line(slow),))
    _gone(tmp_path)


def test_a_call_that_is_given_up_ends_the_program(variant: Variant, request_for: Any, tmp_path: Path) -> None:
    """The runner's own time limit, or Ctrl-C, cancels the call; nothing goes on in the background."""

    async def give_up() -> None:
        host = Host(root=tmp_path, allowed_commands=frozenset({_line(variant)}))
        call = asyncio.create_task(CommandTarget().open(variant, host.for_trial()).call(request_for("sleep")))
        while not (tmp_path / "pids").exists():
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(asyncio.wait_for(give_up(), 20))
    _gone(tmp_path)


def _ended(state: Path) -> bool:
    try:
        return state.read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _gone(folder: Path) -> None:
    """No process of the noted ids still runs (a dead one that nobody waited for may be left as a zombie)."""
    for pid in (folder / "pids").read_text().split():
        state = Path(f"/proc/{pid}/stat")
        if Path("/proc").is_dir():
            deadline = time.monotonic() + 5
            while not _ended(state) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert _ended(state)
        else:
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)
