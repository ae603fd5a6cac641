"""How much of a text that was taken over is left later, by the definitions of VS Code's edit survival telemetry.

Source: microsoft/vscode-copilot-chat, editSurvivalTracking (MIT), read in 2026: the definitions, not the code.
"""

from __future__ import annotations

from collections import Counter

N = 4
DELAYS_S = (5, 30, 120, 300, 600, 900)
"""Seconds after the acceptance at which survival is sampled."""


def four_gram(first: str, second: str) -> float:
    """Share of runs of 4 characters that two texts have in common, counted with repeats, in [0, 1].

    Twice the common runs by the runs of both; texts shorter than 4 characters are alike only when equal.
    """
    if len(first) < N or len(second) < N:
        return float(first == second)
    ours, theirs = _runs(first), _runs(second)
    return 2 * sum((ours & theirs).values()) / (sum(ours.values()) + sum(theirs.values()))


def _runs(text: str) -> Counter[str]:
    return Counter(text[start:start + N] for start in range(len(text) - N + 1))


def no_revert(before: str, taken: str, now: str) -> float:
    """1 when nothing went back to ``before``, 0 when all of ``taken`` did; in between by four-gram likeness.

    ``before`` is what stood there, ``taken`` what was put in its place, ``now`` what stands there later. 1 where
    ``taken`` changed nothing.
    """
    at_first = four_gram(taken, before)
    if at_first == 1:
        return 1.0
    return 1 - max(four_gram(now, before) - at_first, 0.0) / (1 - at_first)


def retained(taken: str, now: str) -> int:
    """Characters of ``taken`` that still stand in ``now`` in order (accepted and retained characters)."""
    from rapidfuzz.distance import Indel

    return (len(taken) + len(now) - Indel.distance(taken, now)) // 2
