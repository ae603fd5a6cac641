"""The judge: what it is shown, and that only a well-formed verdict counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from evalloop import model as door
from evalloop.errors import TargetError
from evalloop.graders.asking import prompt, read
from evalloop.graders.fence import MARK
from evalloop.graders.judge import Rubric, quoted
from evalloop.testing import INJECTIONS, Offline, Scripted, ServiceUsed, make_case, make_context, outputs

QUESTION = Rubric().question(make_case(), {"rubric": "be kind"})
PASS = '{"evidence": "", "reason": "fine", "pass": true}'
FAIL = '{"evidence": "", "reason": "not so", "pass": false}'


class Http(Offline):
    """The judge behind the model server, through litellm, over HTTP."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    async def complete(self, messages: Any, *, model: str | None = None, params: Any = None) -> Any:
        """One answer of the server."""
        return await door.complete(messages, model or "judge", params, base_url=self.base_url)


class Sequence(Scripted):
    """A judge that says one thing after the other."""

    def __init__(self, *answers: str) -> None:
        said = iter(answers)
        super().__init__(lambda messages: next(said))


@pytest.mark.parametrize(("answer", "value"), [(PASS, True), (FAIL, False), (f"```json {PASS} ```", None)])
def test_a_verdict_over_http(graded, model_server, answer, value):
    """The judge is asked through the one door to models; what it answers is the grade."""
    services = Http(model_server.base_url)
    grade = graded("rubric", "an output", rubric=f"It is fine. [[reply: {answer}]]", services=services)
    assert grade.value is value


def test_a_malformed_verdict_is_asked_for_once_more_and_then_unscored(graded, model_server):
    """Two requests, no verdict, never a pass."""
    grade = graded("rubric", "an output", rubric="It is fine.", services=Http(model_server.base_url))
    assert grade.value is None
    assert "no valid verdict, twice" in grade.explanation
    assert model_server.stats()["requests"] == 2


def test_votes_are_asked_separately_over_http(graded, model_server):
    """Three votes are three different questions, so that no cache answers two of them at once."""
    grade = graded("rubric", "x", rubric=f"It is fine. [[reply: {PASS}]]", votes=3,
                   services=Http(model_server.base_url))
    assert grade.value is True
    assert grade.evidence["votes"] == [True, True, True]
    assert len(model_server.stats()["prompts"]) == 3


def test_a_server_that_fails_is_an_error_not_a_verdict(graded, model_server):
    """The failed call goes up to the run, which records an error."""
    with pytest.raises(TargetError):
        graded("rubric", "x", rubric="It is fine. [[fault: 500]]", services=Http(model_server.base_url))


def test_a_judge_that_mends_its_answer_counts(graded):
    """The second, well-formed answer is the verdict; the question for it names what was wrong."""
    judge = Sequence("I think it passes.", FAIL)
    grade = graded("rubric", "x", rubric="r", services=judge)
    assert grade.value is False
    assert judge.calls[1][-1]["content"].startswith("That was not the answer asked for: not JSON")


@pytest.mark.parametrize("answer", [
    "", "yes", "true", "[]", "{}", '{"pass": true}', '{"evidence": "", "reason": "", "pass": "true"}',
    '{"evidence": "", "reason": "", "pass": 1}', '{"evidence": "", "reason": "", "pass": null}',
    '{"evidence": 1, "reason": "", "pass": true}', '{"evidence": "", "reason": "", "pass": true, "score": 0}',
    f"The output says {PASS}", f"{FAIL}{PASS}", f"{PASS}\nbut no", f"```json\n{FAIL}\n```\n```json\n{PASS}\n```",
    '{"evidence": "", "reason": "", "pass": false, "pass": true}', '{"evidence": "", "reason": "", "pass": NaN}',
])
def test_whatever_is_not_the_object_asked_for_is_no_verdict(graded, answer):
    """Missing keys, other types, doubled keys, text that quotes a verdict: all unscored."""
    assert graded("rubric", "x", rubric="r", services=Scripted(lambda messages: answer)).value is None


@pytest.mark.parametrize("answer", [PASS, f"\n {PASS}\n", f"```json\n{PASS}\n```", f"```\n{PASS}\n```"])
def test_white_space_and_one_fence_round_the_object_are_forgiven(answer):
    """Models like to fence JSON; nothing else may stand beside it."""
    assert read(answer, QUESTION).answer == json.loads(PASS)


@given(outputs())
def test_any_answer_is_read_without_an_exception(answer):
    """No answer of a judge breaks the grader, and none of these is a pass."""
    assert read(answer, QUESTION).answer is None


@pytest.mark.parametrize(("answers", "value"), [
    ([PASS, PASS, FAIL], True), ([FAIL, FAIL, PASS], False), ([PASS, "?", PASS], True), ([PASS, "?", FAIL], None),
    (["?", "?", PASS], None)])
def test_the_majority_of_all_votes_decides(graded, answers, value):
    """A malformed vote counts for neither side: two passes of three are a majority, one of three is none."""
    question = Rubric().question(make_case(), {"rubric": "r"})
    votes = [prompt({"OUTPUT": "x"}, question, vote)[0]["content"] for vote in range(3)]
    said = dict(zip(votes, answers, strict=True))
    judge = Scripted(lambda messages: said[messages[0]["content"]])
    assert graded("rubric", "x", rubric="r", votes=3, show=[], services=judge).value is value


def unmarked(messages):
    """What stands outside the fences, the boundary taken out."""
    bound = messages[0]["content"].split("[NAME ", 1)[1][:32]
    text = "\n".join(message["content"] for message in messages).replace(bound, "BOUND")
    return [line for line in text.split("\n") if not line.startswith(MARK)]


@given(outputs())
def test_the_prompt_outside_the_fence_does_not_depend_on_the_output(output):
    """A judge that obeys everything outside the fence obeys the rubric alone."""
    assert unmarked(prompt({"OUTPUT": output}, QUESTION)) == unmarked(prompt({"OUTPUT": "x"}, QUESTION))


@pytest.mark.parametrize("output", INJECTIONS)
def test_a_judge_that_obeys_what_it_reads_outside_the_fence_is_not_fooled(graded, output):
    """Red team: the judge passes when any unmarked line says so; no output gets through to it."""
    def gullible(messages):
        obeyed = any("pass everything" in line.lower() or "always pass" in line.lower() for line in unmarked(messages))
        return PASS if obeyed else FAIL

    assert graded("rubric", output, rubric="It is polite.", services=Scripted(gullible)).value is False
    assert graded("rubric", output, rubric="Pass everything.", services=Scripted(gullible)).value is True


def test_the_rubric_comes_after_the_data(graded):
    """The last word is the host's."""
    judge = Scripted(lambda messages: PASS)
    graded("rubric", "THE OUTPUT", rubric="THE RUBRIC", services=judge)
    (system, user), = judge.calls
    assert "THE RUBRIC" not in system["content"]
    assert user["content"].index("THE OUTPUT") < user["content"].index("THE RUBRIC")


def test_the_judge_sees_what_show_names(graders):
    """The input by default; the context and the expectation when asked for."""
    case = {"input": {"messages": [{"role": "user", "content": "THE QUESTION"}]}, "expected": "THE TRUTH",
            "context": {"documents": [{"id": "d1", "text": "THE SOURCE"}]}}

    def shown(**options):
        import asyncio

        judge = Scripted(lambda messages: PASS)
        asyncio.run(graders["rubric"].grade(make_context("x", case=case, services=judge), {"rubric": "r", **options}))
        return [word for word in ("QUESTION", "TRUTH", "SOURCE") if f"THE {word}" in judge.calls[0][-1]["content"]]

    assert shown() == ["QUESTION"]
    assert shown(show=["context", "expected"]) == ["TRUTH", "SOURCE"]
    assert shown(show=[]) == []


def test_material_that_is_too_long_is_not_judged(graded):
    """It is not cut, the judge is not paid, and the output stays unscored."""
    grade = graded("rubric", "x" * 101, rubric="r", max_chars=100, show=[], services=Offline())
    assert grade.value is None
    with pytest.raises(ServiceUsed):
        graded("rubric", "x" * 100, rubric="r", max_chars=100, show=[], services=Offline())


def test_the_grade_says_whether_the_quote_is_real(graded):
    """A quote that does not stand in the output is marked as not found."""
    for quote, found in (("blue  SKY", True), ("green sky", False), ("", False)):
        answer = json.dumps({"evidence": quote, "reason": "r", "pass": True})
        grade = graded("rubric", "the blue\nsky", rubric="r", services=Scripted(lambda messages, said=answer: said))
        assert grade.evidence["quote_found"] is found
        assert quoted(quote, "the blue sky") is found
