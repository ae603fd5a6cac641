"""Whole runs against the model server: nothing lost, nothing paid twice, errors in a state of their own."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalloop.errors import IncompleteError, RecordErrors, UsageError
from evalloop.records.call import Reply
from evalloop.records.case import Case, GraderSpec
from evalloop.records.run import Grade, Trial
from evalloop.records.variant import Variant
from evalloop.runs import plan, regrade, session
from evalloop.runs.budget import Budget
from evalloop.runs.plan import Options
from evalloop.runs.session import Engine, Sitting
from evalloop.store import runlog
from evalloop.targets.http import HttpTarget
from evalloop.targets.openai import OpenAITarget


def test_every_trial_is_asked_once_and_logged_once(bench: Any, variant: Variant, model_server: Any,
                                                   read_trials: Any) -> None:
    """Cases times repeats, each with its own call (no cache), never more in flight than allowed."""
    bench.config = bench.config.replace(cache=False)
    outcome = bench.run(bench.evalset(30), variant, Options(repeats=2))
    keys = Counter((trial.case_id, trial.repeat) for trial in read_trials(outcome))
    assert set(keys.values()) == {1}
    assert len(keys) == 60
    stats = model_server.stats()
    assert set(stats["answered"].values()) == {2}
    assert stats["most_in_flight"] <= 8
    assert stats["connections"] <= 8 + 1  # and the one that reads the statistics
    assert (outcome.summary.ok, outcome.summary.passed, outcome.summary.calls) == (60, 60, 60)
    assert outcome.summary.input_tokens == 120


def test_a_second_run_is_answered_from_the_cache(bench: Any, variant: Variant, model_server: Any,
                                                 read_trials: Any) -> None:
    """The same questions cost nothing again, repeats stay apart, and another variant is asked anew."""
    first = bench.run(bench.evalset(5), variant, Options(repeats=2))
    again = bench.run(bench.evalset(5), variant, Options(repeats=2))
    assert (again.summary.calls, again.summary.cached) == (0, 10)
    assert all(trial.reply.cached for trial in read_trials(again))
    assert model_server.stats()["requests"] == 10
    assert first.summary.calls == 10
    bench.run(bench.evalset(5), replace(variant, params={"temperature": 1}))
    assert model_server.stats()["requests"] == 15


def test_the_same_question_in_flight_is_paid_once(bench: Any, variant: Variant, model_server: Any) -> None:
    """Cases with the same messages share one call when the cache is on, and not when it is off."""
    evalset = bench.evalset(8, prompt="the same")
    outcome = bench.run(evalset, variant)
    assert model_server.stats()["requests"] == 1
    assert (outcome.summary.ok, outcome.summary.calls, outcome.summary.cached) == (8, 1, 7)
    bench.config = bench.config.replace(cache=False)
    bench.run(evalset, variant)
    assert model_server.stats()["requests"] == 9


@pytest.mark.parametrize("fault", ["429", "500", "truncated", "reset"])
def test_a_fault_that_goes_away_is_tried_again(bench: Any, variant: Variant, new_server: Any, fault: str) -> None:
    """After two failures the third try counts, and nothing of the failures is left in the result."""
    server = new_server("--retry-after", "0.01")
    variant = replace(variant, options={"base_url": server.base_url})
    outcome = bench.run(bench.evalset(1, prompt=f"q [[fault: {fault} 2]]"), variant)
    assert (outcome.summary.ok, outcome.summary.errors, outcome.summary.retries) == (1, 0, 2)


def test_a_slow_drip_is_an_answer(bench: Any, variant: Variant) -> None:
    """An answer that comes in pieces is put together."""
    assert bench.run(bench.evalset(1, prompt="q [[fault: drip]]"), variant).summary.passed == 1


def test_a_hang_ends_with_the_time_limit(bench: Any, variant: Variant, read_trials: Any) -> None:
    """A call without an answer becomes an error, not a wait for ever."""
    bench.config = bench.config.replace(timeout=0.2, retries=0)
    outcome = bench.run(bench.evalset(1, prompt="q [[fault: hang]]"), variant)
    assert "no answer within 0.2 s" in read_trials(outcome)[0].error


def test_errors_are_neither_passed_nor_failed_and_never_cached(bench: Any, variant: Variant, model_server: Any,
                                                               read_trials: Any) -> None:
    """A call that keeps failing is an error trial without a score; the next run asks again."""
    bench.config = bench.config.replace(retries=0)
    evalset = bench.evalset(2, prompt="q{} [[fault: 500]]")
    outcome = bench.run(evalset, variant)
    assert (outcome.summary.errors, outcome.summary.passed, outcome.summary.failed) == (2, 0, 0)
    assert {(trial.state, trial.score, trial.passed) for trial in read_trials(outcome)} == {("error", None, None)}
    bench.run(evalset, variant)
    assert model_server.stats()["requests"] == 4


def test_a_resume_repeats_only_errors(bench: Any, variant: Variant, model_server: Any, read_trials: Any) -> None:
    """What is good in the log is not asked again; what failed is, and the log then has one good trial per case."""
    bench.config = bench.config.replace(retries=0)
    evalset = bench.evalset(4)
    broken = replace(evalset.cases[0], input={"vars": {"q": "flaky [[fault: 500 1]]"}})
    evalset = replace(evalset, cases=(broken, *evalset.cases[1:]))
    outcome = bench.run(evalset, variant)
    assert outcome.summary.errors == 1
    again = bench.resume(outcome, evalset)
    assert (again.summary.planned, again.summary.ok, again.summary.passed, again.summary.calls) == (4, 4, 4, 1)
    assert [(trial.case_id, trial.state) for trial in sorted(read_trials(outcome), key=lambda each: each.case_id)] == [
        (f"c{number}", "ok") for number in range(4)]
    assert model_server.stats()["requests"] == 5


def test_a_wrong_key_stops_the_run_at_once(bench: Any, variant: Variant, model_server: Any) -> None:
    """When no call can succeed, the rest is not even tried, and the run can be resumed."""
    outcome = bench.run(bench.evalset(200, prompt="q{} [[fault: 401]]"), variant)
    assert "401" in (outcome.summary.stopped or "")
    assert model_server.stats()["requests"] <= 8
    assert outcome.summary.trials == 0


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_the_budget_of_calls_is_exact_and_the_rest_resumable(bench: Any, variant: Variant, model_server: Any,
                                                             read_trials: Any, limit: int) -> None:
    """No call goes beyond the limit; a resume does exactly what is left."""
    evalset = bench.evalset(20)
    outcome = bench.run(evalset, variant, Options(max_calls=limit))
    assert model_server.stats()["requests"] == limit
    assert outcome.summary.stopped == f"the budget of {limit} calls is spent"
    assert len(read_trials(outcome)) == limit
    rest = bench.resume(outcome, evalset).summary
    assert (rest.planned, rest.trials, rest.passed, rest.calls) == (20, 20, 20, 20 - limit)
    assert model_server.stats()["requests"] == 20
    assert len(read_trials(outcome)) == 20


def test_budgets_of_tokens_and_money_stop_new_calls(bench: Any, variant: Variant, model_server: Any) -> None:
    """Only calls already in flight go beyond; with a known price the cost is added up."""
    priced = replace(variant, options={**variant.options, "input_price": 1e6, "output_price": 0})
    outcome = bench.run(bench.evalset(60), priced, Options(max_cost=10.0))
    assert outcome.summary.cost == 2.0 * outcome.summary.calls
    assert 5 <= outcome.summary.calls <= 5 + 8
    model_server.reset()
    outcome = bench.run(bench.evalset(60, prompt="other {}"), variant, Options(max_tokens=20))
    assert "tokens" in (outcome.summary.stopped or "")
    assert outcome.summary.calls <= 4 + 8


def test_a_money_budget_needs_a_price(bench: Any, variant: Variant) -> None:
    """A model whose price is unknown cannot be run for at most so many dollars; that is said, not ignored."""
    outcome = bench.run(bench.evalset(60), variant, Options(max_cost=10.0))
    assert "no known price" in (outcome.summary.stopped or "")
    assert outcome.summary.calls <= 8


class Counting:
    """A grader that fails as often as it is told, then passes."""

    name = "counting"
    version = "1"
    schema: Mapping[str, Any] = {}
    short = None
    deterministic = False
    needs: frozenset[str] = frozenset()

    def __init__(self, results: list[Any]) -> None:
        self.results = itertools.chain(results, itertools.repeat(True))

    def grade(self, context: Any, options: Mapping[str, Any]) -> Any:
        """The next result."""
        result = next(self.results)
        if isinstance(result, Exception):
            raise result
        return result


def test_a_broken_grader_costs_no_second_call(bench: Any, variant: Variant, model_server: Any,
                                              read_trials: Any) -> None:
    """The reply that was paid stays in the log; a resume grades it without asking, also without the cache."""
    bench.config = bench.config.replace(cache=False)
    bench.graders["counting"] = Counting([RuntimeError("judge is down")])
    evalset = bench.evalset(1, graders=(GraderSpec("counting"),))
    outcome = bench.run(evalset, variant)
    assert (outcome.summary.errors, outcome.summary.passed) == (1, 0)
    assert bench.resume(outcome, evalset).summary.passed == 1
    assert model_server.stats()["requests"] == 1
    assert [trial.passed for trial in read_trials(outcome)] == [True]


def test_a_flaky_grader_is_named_in_the_summary(bench: Any, variant: Variant, read_trials: Any) -> None:
    """A deterministic grader that gives two verdicts on one output is found in a run."""
    fickle = Counting([True, False, True, True])
    fickle.deterministic = True
    bench.graders["counting"] = fickle
    outcome = bench.run(bench.evalset(2, graders=(GraderSpec("counting"), GraderSpec("contains", {"value": "A"}))),
                        variant)
    assert outcome.summary.flaky == ("counting",)
    assert sum("flaky" in grade.evidence for trial in read_trials(outcome) for grade in trial.grades) == 1


def test_the_judge_is_cached_budgeted_and_votes_apart(bench: Any, variant: Variant) -> None:
    """Votes of one trial are different samples; the same trial again costs no judge call."""
    asked: list[str] = []

    async def judge(messages: Any, model: str, params: Any) -> Reply:
        asked.append(model)
        return Reply('{"evidence": "", "reason": "fine", "pass": true}', cost=0.0)

    bench.complete = judge
    bench.config = bench.config.replace(judge_model="judge-1")
    evalset = bench.evalset(1, graders=(GraderSpec("rubric", {"rubric": "is fine", "votes": 3}),))
    outcome = bench.run(evalset, variant)
    assert (outcome.summary.passed, outcome.summary.judge_calls, len(asked)) == (1, 3, 3)
    bench.run(evalset, variant)
    assert len(asked) == 3


def test_no_judge_is_an_error_of_the_trial(bench: Any, variant: Variant, read_trials: Any) -> None:
    """A rubric without a judge model does not pass; the error says what to set."""
    outcome = bench.run(bench.evalset(1, graders=(GraderSpec("rubric", {"rubric": "x"}),)), variant)
    assert read_trials(outcome)[0].state == "error"
    assert "judge model" in read_trials(outcome)[0].error


def test_an_interrupted_run_keeps_what_was_paid(bench: Any, variant: Variant, new_server: Any,
                                                read_trials: Any) -> None:
    """Cancelled like by Ctrl-C: calls in flight end and are logged, no new one starts, the rest is resumable."""
    server = new_server("--latency", "0.05")
    variant = replace(variant, options={"base_url": server.base_url})
    evalset = bench.evalset(40)
    made = plan.new(evalset, variant, Options(), versions={}, git_commit=None, seed=0)

    async def interrupted() -> None:
        with Sitting(bench.kit(lambda trial, progress: progress.done == 1 and task.cancel()), Budget()) as sitting:
            task = asyncio.ensure_future(sitting.run(made, OpenAITarget()))
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(interrupted())
    path = session.runs_folder(bench.config) / f"{made.run.name}.jsonl"
    logged = list(runlog.read(path)[1])
    summary = runlog.last_summary(path)
    assert 1 <= len(logged) <= 16
    assert len(logged) == sum(server.stats()["answered"].values())
    assert summary is not None
    assert summary.stopped == "interrupted"
    bench.resume(session.Outcome(made.run, path, summary), evalset)
    assert set(server.stats()["prompts"].values()) == {1}
    assert len(list(runlog.read(path)[1])) == 40


def test_saved_outputs_are_graded_again_without_a_call(bench: Any, variant: Variant, model_server: Any,
                                                       read_trials: Any) -> None:
    """Another grader over the same outputs: new verdicts, no request; kept grades stay when one grader is named."""
    first = bench.run(bench.evalset(5), variant)
    changed = bench.evalset(5, graders=(GraderSpec("contains", {"value": "nowhere"}),
                                        GraderSpec("length", {"max": 999})))
    header = regrade.header(first.run, changed, versions={}, git_commit=None)

    async def again(only: str | None) -> session.Outcome:
        with Sitting(bench.kit(), Budget()) as sitting:
            run = replace(header, name=f"again-{only}")
            return await sitting.regrade(run, regrade.NoCalls(), regrade.items(
                read_trials(first), changed, bench.graders, only), 5)

    outcome = asyncio.run(again(None))
    assert (outcome.summary.failed, outcome.summary.calls) == (5, 0)
    only = asyncio.run(again("length"))
    assert only.summary.passed == 5
    assert {grade.grader for grade in read_trials(only)[0].grades} == {"contains", "length"}
    assert model_server.stats()["requests"] == 5
    assert outcome.run.tags["regrade_of"] == first.run.name


def test_a_grader_inside_another_is_graded_again_with_it(bench: Any) -> None:
    """The combination that holds it runs again as a whole; grades of the others are kept."""
    held = GraderSpec("all", {"graders": [{"regex": {"value": "x"}}]})
    evalset = bench.evalset(1, graders=(GraderSpec("contains", {"value": "x"}), held, GraderSpec("length", {"max": 9})))
    grades = tuple(Grade(name, "1", True, True) for name in ("contains", "all", "length"))
    trial = Trial("c0", "k", 0, "ok", Reply("x"), grades, 1.0, True)
    trial = replace(trial, case_id=evalset.cases[0].id)
    [item] = regrade.items([trial], evalset, bench.graders, "regex")
    assert [spec.type for spec in item.case.graders] == ["all"]
    assert [grade.grader for grade in item.kept] == ["contains", "length"]
    with pytest.raises(UsageError, match="all, contains, length, regex"):
        list(regrade.items([trial], evalset, bench.graders, "rubric"))


def test_what_would_break_every_call_is_found_before_the_first(bench: Any, variant: Variant) -> None:
    """Cases without graders, unknown graders and slots without a value are errors with their places."""
    cases = (Case("a", "k", {"vars": {"q": "x"}}, file="f", line=3),
             Case("b", "k", {"vars": {"q": "x"}}, (GraderSpec("contians"),), file="f", line=9))
    made = plan.new(replace(bench.evalset(1), cases=cases), variant, Options(), versions={}, git_commit=None, seed=0)
    with pytest.raises(RecordErrors) as caught:
        session.check(made, bench.graders)
    assert [(error.line, error.field) for error in caught.value.errors] == [(3, "graders"), (9, "graders")]


def test_an_engine_makes_trials_for_other_hosts(bench: Any, variant: Variant, model_server: Any) -> None:
    """Many tasks may ask at once: calls stay bounded, repeats come back in order, no log is written."""
    evalset = bench.evalset(30)

    async def ask() -> list[Any]:
        engine = Engine(bench.kit(), Budget(), {"openai": OpenAITarget()})
        try:
            return await asyncio.gather(*(engine.trials(case, variant, 2) for case in evalset.cases))
        finally:
            await engine.close()

    results = asyncio.run(ask())
    assert [[trial.repeat for trial in trials] for trials in results] == [[0, 1]] * 30
    assert model_server.stats()["most_in_flight"] <= 8
    assert not session.runs_folder(bench.config).exists()


def test_an_engine_says_when_no_call_can_succeed(bench: Any, variant: Variant) -> None:
    """A wrong key is raised, not returned as a result."""
    async def ask() -> None:
        engine = Engine(bench.kit(), Budget(), {"openai": OpenAITarget()})
        try:
            await engine.trials(bench.evalset(1, prompt="[[fault: 401]]").cases[0], variant)
        finally:
            await engine.close()

    with pytest.raises(IncompleteError, match="401"):
        asyncio.run(ask())


def test_a_mix_of_faults_loses_and_doubles_nothing(bench: Any, variant: Variant, new_server: Any, read_trials: Any,
                                                   tmp_path: Path) -> None:
    """With every fault at random, each case ends once, graded or as an error, and a resume finishes the run."""
    server = new_server("--faults", "429=0.1,500=0.1,truncated=0.05,reset=0.05,drip=0.02,hang=0.01",
                        "--retry-after", "0.01")
    bench.config = bench.config.replace(concurrency=50, retries=1, timeout=1.0)
    variant = replace(variant, options={"base_url": server.base_url})
    evalset = bench.evalset(300)
    outcome = bench.run(evalset, variant)
    assert Counter(trial.case_id for trial in read_trials(outcome)) == Counter(case.id for case in evalset.cases)
    assert outcome.summary.ok + outcome.summary.errors == 300
    assert outcome.summary.errors > 0
    bench.config = bench.config.replace(retries=8)
    assert bench.resume(outcome, evalset).summary.errors == 0
    assert sorted(trial.state for trial in read_trials(outcome)) == ["ok"] * 300


def _at_once(bench: Any, variants: list[Variant], count: int, options: Options) -> list[session.Outcome]:
    plans = [plan.new(bench.evalset(count), each, replace(options, name=each.name), versions={}, git_commit=None,
                      seed=0) for each in variants]

    async def sit() -> list[session.Outcome]:
        with Sitting(bench.kit(), Budget(options.max_calls, allow_unpriced=True)) as sitting:
            return await sitting.run_all((made, OpenAITarget()) for made in plans)

    return asyncio.run(sit())


def test_variants_run_at_once_and_share_the_bound_of_their_provider(bench: Any, variant: Variant,
                                                                    new_server: Any) -> None:
    """Two variants of one server stay within one bound; each run counts only what is its own."""
    server = new_server("--latency", "0.02")
    variants = [replace(variant, name=name, params={"seed": number}, options={"base_url": server.base_url})
                for number, name in enumerate(("a", "b"))]
    outcomes = _at_once(bench, variants, 40, Options())
    assert [(each.run.name, each.summary.passed, each.summary.calls) for each in outcomes] == [
        ("a", 40, 40), ("b", 40, 40)]
    assert [each.summary.input_tokens for each in outcomes] == [80, 80]
    assert 4 < server.stats()["most_in_flight"] <= 8
    times = [sorted(trial.at or "" for trial in runlog.read(each.path)[1]) for each in outcomes]
    assert times[0][0] < times[1][-1]
    assert times[1][0] < times[0][-1]


def test_variants_that_run_at_once_share_one_budget(bench: Any, variant: Variant, model_server: Any) -> None:
    """The limit holds for all runs together."""
    variants = [replace(variant, name=name, params={"seed": number}) for number, name in enumerate(("a", "b"))]
    outcomes = _at_once(bench, variants, 40, Options(max_calls=30))
    assert sum(each.summary.calls for each in outcomes) == 30 == model_server.stats()["requests"]
    assert all("the budget of 30 calls is spent" in (each.summary.stopped or "") for each in outcomes)


def test_a_run_that_cannot_start_ends_the_others_resumable(bench: Any, variant: Variant) -> None:
    """A taken name is the error that is told; the other run has a log that ends with a summary."""
    variants = [replace(variant, name=name, params={"seed": number}) for number, name in enumerate(("a", "b"))]
    bench.run(bench.evalset(1), variants[1], Options(name="b"))
    with pytest.raises(UsageError, match="already"):
        _at_once(bench, variants, 200, Options())
    summary = runlog.last_summary(session.runs_folder(bench.config) / "a.jsonl")
    assert summary is None or summary.stopped == "interrupted"


def test_a_call_without_a_price_may_count_as_free(bench: Any, variant: Variant) -> None:
    """When the user says so, a budget of money does not stop at it; the summary counts such calls."""
    bench.config = bench.config.replace(cache=False)
    made = plan.new(bench.evalset(3), variant, Options(), versions={}, git_commit=None, seed=0)

    async def sit() -> session.Outcome:
        with Sitting(bench.kit(), Budget(max_cost=1.0, allow_unpriced=True)) as sitting:
            return await sitting.run(made, OpenAITarget())

    summary = asyncio.run(sit()).summary
    assert (summary.passed, summary.unpriced, summary.stopped) == (3, 3, None)


def test_a_trial_keeps_the_whole_exchange(bench: Any, variant: Variant, read_trials: Any) -> None:
    """What was asked, turn for turn with tool calls, and what came back; also after grading again."""
    talk = ({"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {
                "name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "sunny"},
            {"role": "user", "content": '[[call: weather {"city": "Rome"}]]'})
    case = Case("c0", "k", {"messages": list(talk)}, (GraderSpec("length", {"max": 0}),))
    evalset = replace(bench.evalset(1), cases=(case,))
    asked = replace(variant, params={"tools": [{"type": "function", "function": {"name": "weather"}}]})
    outcome = bench.run(evalset, asked)
    trial = read_trials(outcome)[0]
    assert trial.messages == talk
    assert trial.reply.tool_calls[0]["function"] == {"name": "weather", "arguments": '{"city": "Rome"}'}
    assert (trial.reply.finish_reason, trial.passed) == ("tool_calls", True)
    items = regrade.items([trial], evalset, bench.graders)
    assert [item.asked for item in items] == [talk]


def test_options_that_are_templates_are_filled_for_each_case(bench: Any, variant: Variant, model_server: Any,
                                                             read_trials: Any) -> None:
    """The same slots as in a prompt, a slot alone keeps its type, and two bodies are never one cache entry."""
    options = {"url": f"{model_server.base_url}/chat/completions", "output": "choices[0].message.content",
               "body": {"model": "echo", "top_k": "{{ k }}", "messages": [{"role": "user", "content": "Q: {{ q }}"}]}}
    cases = tuple(Case(f"c{n}", "k", {"vars": {"q": "x", "k": n % 2}}, (GraderSpec("equals", {"value": "Q: x"}),))
                  for n in range(4))
    evalset = replace(bench.evalset(1), cases=cases)
    outcome = bench.run(evalset, Variant("bot", "http", options=options), target=HttpTarget())
    assert [trial.passed for trial in read_trials(outcome)] == [True] * 4
    assert (outcome.summary.calls, model_server.stats()["requests"]) == (2, 2)
    made = plan.new(replace(evalset, cases=(replace(cases[0], input={"vars": {"q": "x", "kk": 1}}),)),
                    Variant("bot", "http", options=options), Options(), versions={}, git_commit=None, seed=0)
    with pytest.raises(RecordErrors, match="did you mean 'kk'"):
        session.check(made, bench.graders, HttpTarget())
