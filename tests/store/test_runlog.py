"""The run log: what is appended stays, whatever happens to the process."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.errors import IncompleteError, RecordError, UsageError
from evalloop.records.call import Reply
from evalloop.records.run import Grade, Run, Summary, Trial
from evalloop.records.variant import Variant
from evalloop.store import runlog
from evalloop.store.runlog import RunLog


def a_run(name: str = "r", created: str = "2026-11-23T10:00:00+00:00") -> Run:
    """A header."""
    variant = Variant("base", "openai", "m", ({"role": "user", "content": "{{ q }}"},), {"temperature": 0})
    return Run(runlog.new_id(), name, "q", "evalsets/q", "d", variant, variant.id, created, case_ids=("a", "b"))


def a_trial(case: str = "a", repeat: int = 0, state: str = "ok", text: str = "hello") -> Trial:
    """A trial with a reply and a grade."""
    return Trial(case, "k", repeat, state, Reply(text, usage={"input_tokens": 3}), (Grade("contains", "1", True),),
                 error=None if state == "ok" else "broke")


def test_trials_come_back_as_they_went_in(tmp_path: Path) -> None:
    """What was appended is read back equal, header included."""
    run, trials = a_run(), [a_trial("a"), a_trial("b", 1)]
    with RunLog.create(tmp_path, run) as log:
        for trial in trials:
            log.append(trial)
    read_run, read_trials = runlog.read(tmp_path / "r.jsonl")
    assert read_run == run
    assert list(read_trials) == trials


@settings(deadline=None)
@given(text=st.text())
def test_any_text_survives(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any output that is valid Unicode comes back byte for byte, line breaks and all."""
    folder = tmp_path_factory.mktemp("log")
    with RunLog.create(folder, a_run()) as log:
        log.append(a_trial(text=text))
        log.append(a_trial("b"))
    assert [trial.reply and trial.reply.text for trial in runlog.read(log.path)[1]] == [text, "hello"]


def test_half_a_surrogate_does_not_break_the_log(tmp_path: Path) -> None:
    """A lone surrogate, which UTF-8 cannot hold, is written escaped and the log stays readable."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial(text="x\ud800y"))
    assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a"]


def test_only_the_owner_can_read_a_log(tmp_path: Path) -> None:
    """The file has mode 0600 and new folders 0700."""
    with RunLog.create(tmp_path / "state" / "runs", a_run()) as log:
        assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "runs").stat().st_mode) == 0o700


def test_a_trial_is_in_the_file_before_the_log_is_closed(tmp_path: Path) -> None:
    """Nothing waits in a buffer of this process: another reader sees the trial at once."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial())
        assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a"]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_left_out_and_cut_off_on_resume(tmp_path: Path, cut: int) -> None:
    """After a kill in the middle of a write, the whole lines stay and the next append starts a fresh line."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial("a"))
        log.append(a_trial("b"))
    os.truncate(log.path, log.path.stat().st_size - cut - 1)
    assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a"]
    with RunLog.open(log.path) as again:
        again.append(a_trial("c"))
    assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a", "c"]


def test_a_whole_last_line_without_its_break_is_kept(tmp_path: Path) -> None:
    """A trial that was written but for the line break is not lost, so it is not paid twice."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial("a"))
    os.truncate(log.path, log.path.stat().st_size - 1)
    with RunLog.open(log.path) as again:
        again.append(a_trial("b"))
    assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a", "b"]


def test_a_torn_tail_longer_than_one_block_is_cut_off(tmp_path: Path) -> None:
    """The search for the last whole line goes back as far as needed."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial("a"))
        log.append(a_trial("b", text="x" * 300_000))
    os.truncate(log.path, log.path.stat().st_size - 10)
    with RunLog.open(log.path):
        pass
    assert [trial.case_id for trial in runlog.read(log.path)[1]] == ["a"]
    assert log.path.read_bytes().endswith(b"\n")


def test_a_broken_line_in_the_middle_is_refused_with_its_place(tmp_path: Path) -> None:
    """Damage that no kill can cause is an error with file and line, never passed over."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial("a"))
        log.append(a_trial("b"))
    lines = log.path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:40] + b"\n"
    log.path.write_bytes(b"".join(lines))
    with pytest.raises(RecordError) as caught:
        list(runlog.read(log.path)[1])
    assert (caught.value.file, caught.value.line) == (str(log.path), 2)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    """Another JSON Lines file is not mistaken for a run."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": 1}\n')
    with pytest.raises(RecordError, match="not a run log"):
        runlog.read(path)


def test_a_repaired_error_gives_way_and_a_standing_one_stays(tmp_path: Path) -> None:
    """A later line for the same case and repeat takes the place of an error; the last of several errors stands."""
    with RunLog.create(tmp_path, a_run()) as log:
        for trial in (a_trial("a", state="error"), a_trial("b", state="error"), a_trial("a"),
                      a_trial("b", state="error", text="second")):
            log.append(trial)
    trials = list(runlog.read(log.path)[1])
    assert [(trial.case_id, trial.state) for trial in trials] == [("a", "ok"), ("b", "error")]
    assert trials[1].reply is not None
    assert trials[1].reply.text == "second"


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """A second run of the same name is refused and the first is left as it was."""
    RunLog.create(tmp_path, a_run()).close()
    before = (tmp_path / "r.jsonl").read_bytes()
    with pytest.raises(UsageError, match="already"):
        RunLog.create(tmp_path, a_run())
    assert (tmp_path / "r.jsonl").read_bytes() == before


def _try_open(path: Path, answer: multiprocessing.Queue[str]) -> None:
    try:
        RunLog.open(path).close()
        answer.put("opened")
    except UsageError as error:
        answer.put(error.message)


def test_a_header_that_cannot_be_written_leaves_no_log(tmp_path: Path) -> None:
    """The name of a run that never began stays free."""
    run = replace(a_run(), tags={"size": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="JSON"):
        RunLog.create(tmp_path, run)
    with RunLog.create(tmp_path, a_run()) as log:
        assert log.path.name == "r.jsonl"


def test_two_processes_never_append_to_one_log(tmp_path: Path) -> None:
    """While one process holds the log, another is refused; afterwards it is not."""
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.Queue[str] = context.Queue()
    with RunLog.create(tmp_path, a_run()) as log:
        other = context.Process(target=_try_open, args=(log.path, answer))
        other.start()
        assert "another process" in answer.get(timeout=20)
        other.join()
    _try_open(log.path, answer)
    assert answer.get(timeout=20) == "opened"


def test_the_last_summary_is_found_only_where_a_sitting_ended(tmp_path: Path) -> None:
    """A closed log has a summary; one that was killed has none, even when an earlier sitting left one."""
    log = RunLog.create(tmp_path, a_run())
    assert runlog.last_summary(log.path) is None
    log.append(a_trial())
    log.close(Summary(trials=1, ok=1, flaky=("regex",)))
    assert runlog.last_summary(log.path) == Summary(trials=1, ok=1, flaky=("regex",))
    again = RunLog.open(log.path)
    again.append(a_trial("b"))
    again.close()
    assert runlog.last_summary(log.path) is None
    assert len(list(runlog.read(log.path)[1])) == 2


def test_runs_are_found_by_name_id_path_and_latest(tmp_path: Path) -> None:
    """Every way to name a run leads to its log; an unknown name lists those there are."""
    old, new = a_run("old"), a_run("new", "2026-11-24T10:00:00+00:00")
    for run in (new, old):
        RunLog.create(tmp_path, run).close()
    (tmp_path / "stranger.jsonl").write_text("{}\n")
    assert runlog.resolve(tmp_path, "old").stem == "old"
    assert runlog.resolve(tmp_path, "@latest").stem == "new"
    assert runlog.resolve(tmp_path, old.run_id).stem == "old"
    assert runlog.resolve(tmp_path, str(tmp_path / "old.jsonl")).stem == "old"
    with pytest.raises(UsageError) as caught:
        runlog.resolve(tmp_path, "none")
    assert "new, old" in caught.value.fix


def test_no_runs_at_all_is_said(tmp_path: Path) -> None:
    """In an empty project @latest is an error, not a traceback."""
    with pytest.raises(UsageError):
        runlog.resolve(tmp_path / "missing", "@latest")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_stops_the_run(tmp_path: Path) -> None:
    """When a line cannot be written, the run ends as incomplete instead of going on unrecorded."""
    log = RunLog.create(tmp_path, a_run())
    handle = os.open("/dev/full", os.O_RDWR)
    os.dup2(handle, log._handle)
    with pytest.raises(IncompleteError):
        log.append(a_trial())
    os.close(handle)


def test_each_line_is_readable_on_its_own(tmp_path: Path) -> None:
    """Every line is one JSON object with a type, so that grep and jq work."""
    with RunLog.create(tmp_path, a_run()) as log:
        log.append(a_trial())
        log.close(Summary())
    assert [json.loads(line)["type"] for line in log.path.read_text().splitlines()] == ["run", "trial", "summary"]


def test_the_runs_before_the_latest_are_counted_back(tmp_path: Path) -> None:
    """@{-1} is the run before @latest; going back too far is an error."""
    for day in (1, 2, 3):
        RunLog.create(tmp_path, a_run(f"day-{day}", f"2026-11-0{day}T10:00:00+00:00")).close()
    found = [runlog.resolve(tmp_path, each).stem for each in ("@latest", "@{-1}", "@{-2}")]
    assert found == ["day-3", "day-2", "day-1"]
    with pytest.raises(UsageError, match="no run"):
        runlog.resolve(tmp_path, "@{-3}")


def _git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True,
                          text=True).stdout.strip()


def test_a_git_reference_means_the_newest_clean_run_of_its_commit(tmp_path: Path) -> None:
    """Branch, tag, HEAD~1 and short hash work; whole runs of the same evalset come first; dirty runs are not taken."""
    _git(tmp_path, "init", "-q", "-b", "main")
    commits = []
    for number in range(3):
        _git(tmp_path, "commit", "-q", "--allow-empty", "-m", str(number))
        commits.append(_git(tmp_path, "rev-parse", "HEAD"))
    _git(tmp_path, "tag", "v1", commits[0])
    folder = tmp_path / "runs"
    made = [("first", commits[0], "q", {}), ("second", commits[1], "q", {}), ("again", commits[1], "q", {}),
            ("other", commits[1], "x", {}), ("part", commits[1], "q", {"shard": "1/2"}),
            ("dirty", f"{commits[2]}-dirty", "q", {})]
    for hour, (name, commit, evalset, tags) in enumerate(made):
        run = replace(a_run(name, f"2026-11-01T{hour:02}:00:00+00:00"), git_commit=commit, evalset=evalset, tags=tags)
        RunLog.create(folder, run).close()

    def named(reference: str, like: Run | None = None) -> str:
        return runlog.resolve(folder, reference, root=tmp_path, like=like).stem

    assert named("v1") == named("HEAD~2") == named(commits[0][:8]) == "first"
    assert named("HEAD~1") == "other"
    assert named("HEAD~1", a_run()) == "again"
    with pytest.raises(UsageError, match="no run of the commit") as caught:
        named("main")
    assert "dirty was made there with files changed" in caught.value.fix
    with pytest.raises(UsageError, match="no run 'nothing'"):
        named("nothing")
