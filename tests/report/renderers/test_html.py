"""The page: self-contained, hashed, small, and inert whatever the answers hold."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from random import Random
from typing import Any

from evalloop.contracts import ReportData
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.report import Score
from evalloop.records.run import Grade, Trial
from evalloop.report.compare import compare
from evalloop.report.renderers.html import HtmlRenderer

PAYLOADS = (
    "<script>document.title='PWNED'</script>", "<img src=x onerror=\"document.title='PWNED'\">",
    "</script><script>document.title='PWNED'</script>", "<svg onload=\"document.title='PWNED'\">",
    "javascript:document.title='PWNED'", "{{script}}",
    "</pre><iframe srcdoc=\"<script>parent.document.title='PWNED'\">",
)


def report(texts: tuple[str, ...] = PAYLOADS, count: int | None = None) -> ReportData:
    """A comparison of runs whose every text is hostile; all cases got better."""
    cases, trials, scores = {}, {"base": [], "cand": []}, []
    for number in range(count or len(texts)):
        text = texts[number % len(texts)]
        case = f"case-{number}"
        cases[case] = Case(case, text, {"vars": {"question": text}})
        for name, value in (("base", 0.0), ("cand", 1.0)):
            grade = Grade("g", "1", bool(value), bool(value), explanation=text)
            trials[name].append(Trial(case, text, 0, "ok", Reply(f"{text} {name} {number}"), (grade,), value))
            scores.append(Score(case, name, value, text))
    return ReportData(compare(scores, "base", "cand", notes=texts), (), trials, cases)


def packed(page: str) -> tuple[Any, list[Any]]:
    """The index inside the page, and the answers of all its pieces."""
    found = re.findall(r'<script type="application/octet-stream" (?:id="index"|class="answers")>([^<]*)</script>', page)
    index, *pieces = (json.loads(gzip.decompress(base64.b64decode(each))) for each in found)
    return index, [case for piece in pieces for case in piece]


def test_policy_names_the_hash_of_the_only_script_and_style() -> None:
    """The content policy allows exactly the script and the style that are in the page, and nothing else."""
    page = HtmlRenderer().render(report())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    for tag in ("script", "style"):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy.group(1)
    assert policy.group(1).startswith("default-src 'none'")


def test_asks_for_nothing_from_elsewhere() -> None:
    """No address, no image, no font, no import."""
    page = HtmlRenderer().render(report(("plain",)))
    assert not re.search(r"https?://|src=|@import|url\(|<link|<iframe|<object", page)


def test_hostile_text_stays_out_of_the_markup() -> None:
    """Answers travel packed; cluster names and notes are escaped."""
    page = HtmlRenderer().render(report())
    assert "<script>document" not in page
    assert "<img" not in page
    assert "<svg onload" not in page
    assert "{{" not in page.replace("{{script}}", "")


def test_holds_questions_answers_and_grades_worst_first() -> None:
    """Each case has both answers with their grades; the worst change leads."""
    index, answers = packed(HtmlRenderer().render(report()))
    first, held = index["cases"][0], answers[0]
    assert first["scores"] == [0.0, 1.0]
    assert held["question"]["text"] == first["asked"] == first["clusters"][0] in PAYLOADS
    assert held["sides"][0][0]["text"].startswith(first["asked"])
    assert held["sides"][1][0]["grades"][0][:2] == ["g", True]
    assert index["graders"][first["clusters"][0]] == [["g", [0, 1], [1, 1]]]


def test_without_runs_the_changed_cases_are_listed() -> None:
    """A comparison of a table shows its changed cases without answers."""
    scores = [Score("c", name, value, "k") for name, value in (("a", 1.0), ("b", 0.0))]
    index, answers = packed(HtmlRenderer().render(ReportData(compare(scores, "a", "b"))))
    assert [(case["id"], case["scores"]) for case in index["cases"]] == [("c", [1.0, 0.0])]
    assert [case["sides"] for case in answers] == [[]]


def test_is_the_same_each_time() -> None:
    """The same comparison gives the same bytes."""
    assert HtmlRenderer().render(report()) == HtmlRenderer().render(report())


def test_five_thousand_cases_stay_small() -> None:
    """5,000 cases with two answers of 800 characters that hardly compress: at most 3 MB, changed cases whole."""
    draw = Random(0)
    letters = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz ,.", k=100_000))
    trials: dict[str, list[Trial]] = {"base": [], "cand": []}
    scores = []
    for number in range(5000):
        for name, value in (("base", 1.0), ("cand", float(number % 10 > 0))):
            start = draw.randrange(99_000)
            trials[name].append(Trial(f"c-{number}", "k", 0, "ok", Reply(letters[start:start + 800]), (), value))
            scores.append(Score(f"c-{number}", name, value, "k"))
    page = HtmlRenderer().render(ReportData(compare(scores, "base", "cand"), (), trials))
    assert len(page) < 3_000_000
    assert "long texts are cut" in page
    index, answers = packed(page)
    changed = [held for line, held in zip(index["cases"], answers, strict=True) if len({*line["scores"]}) == 2]
    assert {len(held["sides"][0][0]["text"]) for held in changed} == {800}
    assert len(answers) == 5000


def test_tiles_tell_production_length_cost_and_time() -> None:
    """What the change does to users, and what an answer takes; nothing that is unknown is shown."""
    scores = [Score(f"c{number}", name, float(number % 3 < more), "k", length=100 + 10 * more + number,
                    cost=0.01 * more, latency=1.5 * more)
              for number in range(30) for name, more in (("a", 1), ("b", 2))]
    page = HtmlRenderer().render(ReportData(compare(scores, "a", "b", shares={"k": 0.4}, shares_source="the themes")))
    for told in ("As in production", "+33.3 points", "from the themes", "124.5 → 134.5 characters (+8 %)",
                 "0.01 → 0.02 $ (+100 %)", "1.5 → 3 s (+100 %)"):
        assert told in page
    assert "As in production" not in HtmlRenderer().render(report())
