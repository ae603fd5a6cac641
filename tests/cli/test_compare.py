"""compare, gate, report and notes on the command line: tables and runs, formats and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.errors import ExitCode
from evalloop.records.call import Reply
from evalloop.records.run import Grade, Run, Trial
from evalloop.records.variant import Variant
from evalloop.store import schema
from evalloop.store.runlog import RunLog

DATA = Path(__file__).parent.parent / "data" / "paired_scores"
COLUMNS = ["--case", "question_id", "--cluster", "task", "--variant", "model", "--value", "score"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder."""
    (tmp_path / "evalloop.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def livebench(path: Path, *extra: dict[str, object]) -> Path:
    """LiveBench's two gpt-4o models as a long table, one row per question and model."""
    with (DATA / "livebench_gpt4o.csv").open(encoding="utf-8") as file:
        wide = list(csv.DictReader(file))
    rows = [{"question_id": row["question"], "task": row["task"], "model": model, "score": row[side]}
            for side, model in (("base", "gpt-4o-2024-05-13"), ("cand", "gpt-4o-2024-08-06")) for row in wide]
    return write(path, [*rows, *extra])


LIVEBENCH = [*COLUMNS, "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"]


def test_livebench_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The published figures come out of the public command, in the shape of the shipped schema."""
    table = livebench(project / "scores.csv")
    assert run(["compare", "--table", str(table), *LIVEBENCH, "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert schema.validate("comparison", data) == []
    overall = data["overall"]
    assert (overall["delta"], overall["se"], overall["p"]) == pytest.approx((0.0215, 0.0105, 0.0405), abs=5e-5)
    assert (overall["n"], len(data["clusters"]), data["gate"]["verdict"]) == (1136, 18, "PASS")


def test_matharena_melted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wide table is melted to one row per question, run and model; the question is the case, the run the repeat."""
    with (DATA / "matharena_aime_II.csv").open(encoding="utf-8") as file:
        rows = [{"question": row["question"], "run": row["run"], "model": model, "score": row[model]}
                for row in csv.DictReader(file) for model in ("o1_medium", "o3_mini_high")]
    table = write(project / "aime.csv", [dict(row) for row in rows])
    models = ["--variant", "model", "--value", "score", "o1_medium", "o3_mini_high", "--json"]
    assert run(["compare", "--table", str(table), "--case", "question", "--repeat", "run", *models]) == ExitCode.OK
    overall = json.loads(capsys.readouterr().out)["overall"]
    assert (overall["n"], overall["delta"], overall["p"]) == pytest.approx((15, 0.1333, 0.088), abs=5e-4)
    run(["compare", "--table", str(table), "--case", "question", *models])
    assert "name the column that tells runs apart with --repeat" in capsys.readouterr().err


def test_duplicates_are_named_or_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of other models are a note; those of a compared model an error that lists them, exit 4."""
    other = {"question_id": "q", "task": "t", "model": "other", "score": 1}
    table = livebench(project / "scores.csv", other, other, other)
    assert run(["compare", "--table", str(table), *LIVEBENCH]) == ExitCode.OK
    assert "2 duplicate rows (same case, variant and repeat) in 1 variant: other 2" in capsys.readouterr().out
    arguments = ["compare", "--table", str(table), *COLUMNS, "gpt-4o-2024-05-13", "other"]
    assert run(arguments) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "row 2274 repeats row 2273: case 'q', variant 'other'" in error
    assert run([*arguments, "--duplicates", "mean"]) == ExitCode.OK


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_other_tables(project: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    """JSON Lines and Parquet give the same as CSV; a null is a missing score."""
    rows = [{"case": f"c{number}", "variant": name, "value": value} for number in range(30)
            for name, value in (("a", 0.0), ("b", None if number == 0 else 1.0))]
    path = project / f"scores{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    else:
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    assert run(["compare", "--table", str(path), "a", "b", "--json"]) == ExitCode.OK
    overall = json.loads(capsys.readouterr().out)["overall"]
    assert (overall["n"], overall["dropped"], overall["wins"]) == (29, 1, 29)


def test_unit_column(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cases of one user are not independent: the interval says how many units there are."""
    rows: list[dict[str, object]] = [
        {"case": f"c{number}", "variant": name, "value": value, "user": f"u{number % 10}"}
        for number in range(60) for name, value in (("a", 0), ("b", int(number % 10 < 4)))]
    table = write(project / "scores.csv", rows)
    assert run(["compare", "--table", str(table), "--unit", "user", "a", "b", "--json"]) == ExitCode.OK
    overall = json.loads(capsys.readouterr().out)["overall"]
    assert (overall["n"], overall["units"]) == (60, 10)
    assert overall["p"] > 0.01


def test_missing_column_is_a_usage_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the columns that exist."""
    table = write(project / "scores.csv", [{"case": "c", "variant": "a", "score": 1}])
    assert run(["compare", "--table", str(table), "a", "b"]) == ExitCode.USAGE
    assert "columns: case, variant, score" in capsys.readouterr().err


HEAD = "case,variant,value,cost\n"


@pytest.mark.parametrize(("name", "content", "more", "says"), [
    ("t.csv", "", [], "error: t.csv: the file is empty"),
    ("t.csv", HEAD, [], "error: t.csv: no rows"),
    ("t.csv", HEAD + "c,a,1,1\nc,b,good,1\n", [], "error: t.csv: row 2: 'good' in the column 'value' is not a number"),
    ("t.csv", HEAD + "c,a,1,1\nc,b,inf,1\n", [], "error: t.csv: row 2: 'inf' in the column 'value' is infinite"),
    ("t.csv", HEAD + "c,a,1,1\nc,b,1,cheap\n", ["--cost", "cost"],
     "error: t.csv: row 2: 'cheap' in the column 'cost' is not a number"),
    ("t.csv", HEAD + "c,a,1,1\nc,b,1,1\n", ["--latency", "variant"],
     "error: t.csv: row 1: 'a' in the column 'variant' is not a number"),
    ("t.jsonl", '{"case": {"id": 1}, "variant": "a", "value": 1}\n', [],
     "error: t.jsonl: row 1: \"{'id': 1}\" in the column 'case' holds more than one value"),
    ("t.jsonl", '{"case": 1, "variant": "a", "value": [1]}\n', [],
     "error: t.jsonl: row 1: '[1]' in the column 'value' is not a number"),
    ("t.jsonl", '{"case": 1, "variant": "a", "value": 1' + "0" * 400 + "}\n", [], "in the column 'value' is too large"),
    ("t.csv", "case,variant,value\nc,a,1,9,9\nc,b\n", [], "has every row as many cells as the header?"),
    ("t.csv", "case,variant,value\n\xe4,a,1\n\xe4,b,1\n", [], "error: t.csv: not UTF-8"),
    ("t.parquet", "no parquet", [], "error: t.parquet: cannot be read: "),
    ("t.csv", HEAD + "c,a,1,1\nc,b,1,1\n", ["--margin", "inf"], "error: gate.margin: inf is not a number"),
    ("t.csv", HEAD + "c,a,1,1\nc,b,1,1\n", ["a"], "error: 'a' is compared with itself"),
    ("t.csv", HEAD, ["--table", ""], "error: --table names no file")])
def test_nonsense_table_is_told_in_one_line(project: Path, name: str, content: str, more: list[str], says: str,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, in which file, row and column, and a mend; never a traceback."""
    (project / name).write_bytes(content.encode("latin-1"))
    assert run(["compare", "--table", name, "a", "b", *more]) in (ExitCode.USAGE, ExitCode.EMPTY)
    told = capsys.readouterr().err
    assert says in told
    assert len(told.splitlines()) == 2


def gate_table(path: Path, wins: int, losses: int, ties: int) -> list[str]:
    """The arguments that compare two variants of a table with such counts."""
    values = [(0, 1)] * wins + [(1, 0)] * losses + [(1, 1)] * ties
    rows: list[dict[str, object]] = [{"case": f"c{number}", "cluster": "k", "variant": name, "value": pair[side]}
                                     for number, pair in enumerate(values) for side, name in enumerate("ab")]
    return ["--table", str(write(path, rows)), "--cluster", "cluster", "a", "b"]


@pytest.mark.parametrize(("counts", "code", "word"), [((2, 2, 400), 0, "PASS"), ((0, 20, 40), 1, "BLOCK"),
                                                      ((1, 3, 16), 6, "INCONCLUSIVE")])
def test_gate_exit_codes(project: Path, capsys: pytest.CaptureFixture[str], counts: tuple[int, int, int], code: int,
                         word: str) -> None:
    """The verdict is the first word, and the exit code says it to CI."""
    assert run(["gate", *gate_table(project / "t.csv", *counts)]) == code
    assert capsys.readouterr().out.splitlines()[0] == word


def test_gate_without_a_pair_is_incomplete(project: Path) -> None:
    """Nothing measured, exit 7."""
    table = write(project / "t.csv", [{"case": case, "variant": name, "value": 1} for case, name in ("ca", "db")])
    assert run(["gate", "--table", str(table), "a", "b"]) == ExitCode.INCOMPLETE


def test_policy_file_and_flags(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy file decides, a flag stands over it, and a misspelt key is refused."""
    arguments = ["gate", *gate_table(project / "t.csv", 2, 2, 100), "--json"]
    policy = project / "policy.yaml"
    policy.write_text("gate:\n  min_n: 1000\n", encoding="utf-8")
    assert run([*arguments, "--policy", str(policy)]) == ExitCode.INCONCLUSIVE
    assert json.loads(capsys.readouterr().out)["policy"]["min_n"] == 1000
    assert run([*arguments, "--policy", str(policy), "--min-n", "10"]) == ExitCode.OK
    policy.write_text("gate:\n  min: 1000\n", encoding="utf-8")
    assert run([*arguments, "--policy", str(policy)]) == ExitCode.USAGE


@pytest.mark.parametrize(("name", "begins"), [("r.html", "<!doctype html>"), ("r.md", "<!-- evalloop"), ("r.json", "{"),
                                              ("r.csv", "cluster,"), ("r.xml", "<?xml"), ("r.txt", "b against a")])
def test_output_file_picks_the_format(project: Path, name: str, begins: str) -> None:
    """The ending says the format; nothing goes to standard output."""
    assert run(["compare", *gate_table(project / "t.csv", 2, 2, 100), "-o", name]) == ExitCode.OK
    assert (project / name).read_text(encoding="utf-8").startswith(begins)


def log(project: Path, name: str, passed: list[bool | None]) -> None:
    """A run log with one trial per case; None is a call that failed."""
    variant = Variant(name, "replay")
    cases = tuple(f"c{number}" for number in range(len(passed) + 1))
    header = Run(f"r-{name}", name, "suite", "evalsets/suite", "d", variant, variant.id, "2026-11-23T00:00:00Z",
                 cases=len(cases), case_ids=cases)
    with RunLog.create(project / ".evalloop" / "runs", header) as run_log:
        for number, verdict in enumerate(passed):
            cluster = "x" if number % 2 else None
            grades = () if verdict is None else (Grade("g", "1", verdict, verdict, cluster=cluster),)
            run_log.append(Trial(f"c{number}", "own", 0, "error" if verdict is None else "ok", Reply("text"), grades,
                                 None if verdict is None else float(verdict), verdict))


def test_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs are found by name and @latest; errors and cases that never ran are dropped and counted."""
    log(project, "old", [True] * 20 + [False] * 20)
    log(project, "new", [True] * 39 + [None])
    assert run(["compare", "old", "new", "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert (data["overall"]["n"], data["overall"]["wins"], data["overall"]["dropped"]) == (39, 19, 2)
    assert data["errors"]["candidate errors"] == 2
    assert {row["cluster"]: row["n"] for row in data["clusters"]} == {"own": 20, "x": 19}
    assert any("its gate policy is not used" in note for note in data["notes"])


def test_report_of_runs_holds_the_answers(project: Path) -> None:
    """The page of two runs is written whole, to report.html unless told otherwise."""
    log(project, "old", [False] * 20)
    log(project, "new", [True] * 20)
    assert run(["report", "old", "new"]) == ExitCode.OK
    assert "20 cases" in (project / "report.html").read_text(encoding="utf-8")


def test_gate_of_runs_refuses_to_do_without_the_policy(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When the evalset is gone the gate does not fall back to defaults in silence; --policy is a way out."""
    log(project, "old", [False] * 20)
    log(project, "new", [True] * 20)
    assert run(["gate", "old", "new"]) not in (ExitCode.OK, ExitCode.GATE_FAILED)
    (project / "policy.yaml").write_text("margin: 0.1\n", encoding="utf-8")
    assert run(["gate", "old", "new", "--policy", "policy.yaml"]) == ExitCode.OK


def test_run_against_itself_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run has nothing to say about itself."""
    log(project, "old", [True] * 5)
    assert run(["compare", "old", "old"]) == ExitCode.USAGE
    assert "compared with itself" in capsys.readouterr().err


def test_notes_keep_the_release(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The notes are printed, and the record lies in releases/ for git."""
    arguments = gate_table(project / "t.csv", 40, 2, 100)
    assert run(["notes", *arguments, "--name", "2026-12"]) == ExitCode.OK
    assert "## What got better" in capsys.readouterr().out
    record = json.loads((project / "releases" / "2026-12.json").read_text(encoding="utf-8"))
    assert (record["gate"], record["overall"]["wins"]) == ("PASS", 40)


def test_notes_of_a_blocked_release_claim_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """BLOCK in the gate is BLOCK in the notes."""
    assert run(["notes", *gate_table(project / "t.csv", 0, 20, 40), "--name", "bad"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.startswith("# bad: not released")
    assert "What got better" not in text


def test_notes_call_a_grown_cluster_by_its_theme(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Users read what the theme is called, not the name of a file."""
    shared = {"cluster": "wrong-dates", "input": {"vars": {"q": "x"}}, "graders": [{"contains": "a"}],
              "provenance": {"theme": "The dates are wrong", "cluster_id": "c-1"}}
    cases = [{"id": f"c{number}", **shared} for number in range(30)]
    (project / "evalsets").mkdir()
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    (project / "evalsets" / "d.evalset.jsonl").write_text(lines, encoding="utf-8")
    for name, text in (("old", "b"), ("new", "a")):
        (project / f"{name}.jsonl").write_text("".join(
            json.dumps({"id": case["id"], "output": text}) + "\n" for case in cases), encoding="utf-8")
        variant = {"target": "replay", "options": {"path": f"{name}.jsonl"}}
        (project / f"{name}.yaml").write_text(json.dumps(variant), encoding="utf-8")
        variant_of = ["--variant", f"{name}={name}.yaml", "--name", name]
        assert run(["run", "evalsets/d.evalset.jsonl", *variant_of]) == ExitCode.OK
    capsys.readouterr()
    assert run(["notes", "old", "new"]) == ExitCode.OK
    notes = capsys.readouterr().out
    assert "**The dates are wrong**" in notes
    assert "wrong-dates" not in notes


def many_table(project: Path) -> list[str]:
    """Three prompts of a grid and a baseline on sixty cases of two clusters; dearer ones are better."""
    rows: list[dict[str, object]] = [
        {"case": f"c{number}", "cluster": "xy"[number % 2], "variant": name, "value": int(number % 10 < level),
         "usd": level / 1000} for number in range(60)
        for name, level in (("base", 5), ("grid.a", 6), ("grid.b", 9), ("grid.c", 2))]
    return ["--table", str(write(project / "many.csv", rows)), "--cluster", "cluster", "--cost", "usd"]


def test_many_candidates_and_patterns(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern means all variants that fit; the JSON holds each comparison, adjusted over all of them."""
    table = many_table(project)
    assert run(["compare", *table, "base", "grid.*", "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert schema.validate("comparisons", data) == []
    assert [each["candidate"] for each in data["comparisons"]] == ["grid.a", "grid.b", "grid.c"]
    assert data["comparisons"][1]["overall"]["p_holm"] > data["comparisons"][1]["overall"]["p"]
    assert run(["compare", *table, "base", "grid.b", "grid.c"]) == ExitCode.OK
    assert "2 candidates against base" in capsys.readouterr().out
    assert run(["compare", *table, "base", "grid.*", "--format", "html"]) == ExitCode.OK
    page = capsys.readouterr().out
    assert "3 candidates" in page
    assert all(name in page for name in ("grid.a", "grid.b", "grid.c"))


def test_select_by_pattern(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The best is taken when nothing cheaper is good enough, and the table says what it rests on."""
    table = many_table(project)
    assert run(["select", *table, "grid.*", "base"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.splitlines()[1].startswith(">*  grid.b")
    assert "take grid.b: the cheapest of 1 that are good enough: the best itself" in text
    assert run(["select", *table, "*", "--margin", "0.9", "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert (data["chosen"], len(data["choices"]), data["n"]) == ("grid.c", 4, 60)
    assert run(["select", *table, "base"]) == ExitCode.USAGE


def test_power_of_a_table_and_of_an_evalset(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is known of two variants, or assumed for an evalset, says how many cases it takes."""
    table = many_table(project)
    assert run(["power", *table, "base", "grid.b", "--effect", "0.1", "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert [row.get("cluster") for row in data["rows"]] == [None, "x", "y"]
    assert data["rows"][0]["changing"] == pytest.approx(0.4)
    (project / "few.evalset.yaml").write_text(
        "evalset: few\ncases:\n" + "".join(f"  - {{id: c{number}, input: {{vars: {{q: x}}}}, graders: [contains: x]}}\n"
                                           for number in range(4)), encoding="utf-8")
    assert run(["power", "few.evalset.yaml", "--discordance", "0.8"]) == ExitCode.OK
    told = capsys.readouterr().out
    assert "the whole: can never decide: 5 changed cases are needed, there are 4 cases" in told
    assert told.splitlines()[1].split()[:5] == ["OVERALL", "4", "80", "%", "none"]
    assert run(["power", "a", "b", "c"]) == ExitCode.USAGE
