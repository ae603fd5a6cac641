"""A judge from its first run to a gate that it may decide, with the judge behind real HTTP."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

CASES = 40
SUITE = """\
evalset: tone
graders:
  - rubric: {rubric: "Answers kindly."}
    metric: kind
variants:
  base: {target: replay, options: {path: base.jsonl}}
  cand: {target: replay, options: {path: cand.jsonl}}
"""


def question(number: int, verdict: bool) -> dict[str, Any]:
    """A case whose judge is told, by the model server's script, what to say."""
    said = json.dumps({"evidence": "", "reason": "so it is", "pass": verdict})
    asked = f"Say something kind about {number}. [[reply: {said}]]"
    return {"id": f"c-{number:03}", "input": {"messages": [{"role": "user", "content": asked}]}}


def make(project: Any, base_url: str, wrong: tuple[int, ...] = ()) -> None:
    """Forty recorded answers; the judge passes the even ones, but for those it gets wrong."""
    project.write("evalloop.toml", f'judge_model = "m"\njudge_base_url = "{base_url}"\n')
    project.write("evalsets/tone/suite.yaml", SUITE)
    cases = [question(n, (n % 2 == 0) != (n in wrong)) for n in range(CASES)]
    project.write("evalsets/tone/main.evalset.jsonl", "".join(json.dumps(case) + "\n" for case in cases))
    for side in ("base", "cand"):
        rows = [{"id": f"c-{n:03}", "output": f"{side} says {n}"} for n in range(CASES)]
        project.write(f"{side}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def filled(sheet: Path) -> None:
    """A person fills in the sheet: even numbers are kind, and to a person so is every ninth of the candidate."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert not any(row["human"] or "pass" in row["output"] for row in rows)
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "human": "pass" if kind(row) else "fail"} for row in rows)


def kind(row: dict[str, str]) -> bool:
    """What the person thinks."""
    number = int(row["id"][2:])
    return number % 2 == 0 or ("cand" in row["run"] and number % 9 == 0)


def test_a_judge_gates_once_people_have_labelled_its_outputs(project: Any, model_server: Any) -> None:
    """Reported without a calibration; sheet, labels, calibration; then the gate decides on corrected deltas."""
    make(project, model_server.base_url, wrong=(1, 2))
    ran = project.evalloop("run", "tone", "--json")
    assert ran.returncode == 0, ran.stderr
    base, cand = (each["run"] for each in json.loads(ran.stdout))
    gate = project.evalloop("gate", base, cand)
    assert gate.returncode == 6, gate.stdout + gate.stderr
    assert "the judge kind has no calibration: its verdicts on 40 cases are reported" in gate.stdout

    runs = ("--run", base, "--run", cand)
    sheet = project.evalloop("calibrate", "kind", *runs, "--sheet", "sheet.csv", "--sample", "30")
    assert "60 outputs" in sheet.stdout, sheet.stderr
    filled(project.root / "sheet.csv")
    made = project.evalloop("calibrate", "kind", *runs, "--labels", "sheet.csv")
    assert made.returncode == 0, made.stderr
    assert "60 outputs, pass" in made.stdout
    assert "1 judge may gate now" in made.stdout
    kept = json.loads((project.root / "calibrations/kind.json").read_text())
    assert list(kept["covers"].values()) == ["Answers kindly."]
    assert kept["model"] == "m"

    told = json.loads(project.evalloop("compare", base, cand, "--format", "json").stdout)
    assert told["overall"]["method"].startswith("PPI++: 30 pairs labelled by people")
    again = project.evalloop("gate", base, cand)
    assert "no calibration" not in again.stdout
    project.write("calibrations/kind.json", '{"schema": "evalloop.calibration/1", "n": 0}')
    broken = project.evalloop("gate", base, cand)
    assert broken.returncode == 4
    assert "kind.json" in broken.stderr
    assert "evalloop calibrate" in broken.stderr


def test_outputs_of_a_file_are_judged_now(project: Any, model_server: Any) -> None:
    """Without a run the judge of the evalset is asked; answers are cached, so a second time costs nothing."""
    make(project, model_server.base_url)
    rows = [{"case": f"c-{n:03}", "label": n % 2 == 0, "answer": f"text {n}"} for n in range(CASES)]
    project.write("labels.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    first = project.evalloop("calibrate", "rubric", "--evalset", "tone", "--labels", "labels.jsonl", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["n"], told["agreement"], told["kappa"]) == (40, 1, 1)
    asked = model_server.stats()["requests"]
    assert asked == 40
    project.evalloop("calibrate", "rubric", "--evalset", "tone", "--labels", "labels.jsonl")
    assert model_server.stats()["requests"] == asked


def test_mistakes_say_how_to_mend_them(project: Any, model_server: Any) -> None:
    """No labels, no verdicts, a grader that is no judge, an unknown field."""
    make(project, model_server.base_url)
    project.write("labels.csv", "id,human,output\nc-000,pass,text\n")
    for arguments, text in ((("kind",), "--labels FILE"), (("kind", "--labels", "labels.csv"), "--run RUN"),
                            (("contains", "--labels", "labels.csv", "--evalset", "tone"), "no judge 'contains'"),
                            (("kind", "--sheet", "s.csv"), "--run RUN"),
                            (("kind", "--labels", "labels.csv", "--field", "people=x"), "fields: id, human")):
        told = project.evalloop("calibrate", *arguments)
        assert told.returncode in (4, 5)
        assert text in told.stderr, told.stderr
