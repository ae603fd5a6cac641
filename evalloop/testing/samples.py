"""Small records for the tests of plugins: turns, a run with trials, a comparison."""

from __future__ import annotations

from typing import Any

from evalloop.contracts import ReportData
from evalloop.records.call import Reply
from evalloop.records.report import Comparison, Delta, Flip, Gate
from evalloop.records.run import Grade, Run, Trial
from evalloop.records.turn import Turn
from evalloop.records.variant import Variant
from evalloop.testing.fakes import make_case

PAYLOAD = "</script><script>alert(1)</script>\x1b[2J\u202e|`@everyone`"
"""A text that no report may pass on unencoded."""


def make_turn(**fields: Any) -> Turn:
    """A turn with harmless values for all that is not given."""
    given = {"response_id": "r1", "session_id": "s1", "user_key": "u1", "occurred_at": "2026-01-05T10:00:00Z",
             "prompt": "how do I sort a list", "response": "call sorted()", "turn_index": 0}
    return Turn(**{**given, **fields})


def make_run(**fields: Any) -> Run:
    """The header of a run of one variant."""
    variant = Variant("base", "replay")
    given = {"run_id": "run-1", "name": "base", "evalset": "sample", "evalset_path": "evalsets/sample",
             "evalset_digest": "0" * 64, "variant": variant, "variant_id": variant.id,
             "created_at": "2026-01-05T10:00:00Z", "cases": 2, "case_ids": ("case-1", "case-2")}
    return Run(**{**given, **fields})


def make_trials(text: str = "an answer") -> list[Trial]:
    """A trial that passed, one that failed, one that broke; ``text`` is what the model said."""
    def trial(case: str, passed: bool) -> Trial:
        grade = Grade("contains", "1", value=passed, passed=passed, explanation=f"about {text}")
        return Trial(case, "cluster-1", 0, "ok", Reply(text), (grade,), float(passed), passed)

    return [trial("case-1", True), trial("case-2", False),
            Trial("case-3", "cluster-1", 0, "error", error=f"timeout after {text}")]


def make_delta(cluster: str | None, **fields: Any) -> Delta:
    """A delta of ten pairs, two won and one lost."""
    given = {"n": 10, "dropped": 0, "base": 0.5, "cand": 0.6, "delta": 0.1, "interval": (-0.2, 0.4), "p": 0.63,
             "p_exact": 1.0, "p_holm": 1.0, "q": 1.0, "wins": 2, "losses": 1, "ties": 7, "mde80": 0.5,
             "method": "tango", "verdict": "not enough evidence", "needed": 120}
    return Delta(cluster=cluster, **{**given, **fields})


def make_report(text: str = PAYLOAD) -> ReportData:
    """A comparison with two clusters, one of which could not be measured; ``text`` stands wherever users write."""
    empty = dict.fromkeys(("base", "cand", "delta", "interval", "p", "p_exact", "p_holm", "q", "mde80", "needed"))
    clusters = (make_delta(f"cluster {text}"), make_delta("empty", n=0, wins=0, losses=0, ties=0, **empty))
    comparison = Comparison("base", "cand", make_delta(None), clusters, Gate("INCONCLUSIVE", (f"because {text}",)),
                            (Flip("case-2", f"cluster {text}", 0.0, 1.0, 1.0),), {"case-3": 1}, (f"note {text}",))
    run = make_run()
    cases = {name: make_case(id=name, input={"vars": {"question": text}}) for name in ("case-1", "case-2", "case-3")}
    return ReportData(comparison, (run,), {run.run_id: make_trials(text)}, cases, title=f"report {text}")
