"""How alike a text that was taken over and what stands there later are, as VS Code's edit survival telemetry counts it.

Source: microsoft/vscode-copilot-chat (MIT), editSurvivalTracker.ts, read in 2026: the definitions, not the code.
"""

from __future__ import annotations

from collections import Counter

GRAM = 4


def four_gram(one: str, other: str) -> float:
    """Share of 4-grams that two texts have in common, counted with repeats: 1 when equal, 0 when nothing is shared.

    A text of less than four characters has none: then it is 1 for equal texts, else 0.
    """
    if len(one) < GRAM or len(other) < GRAM:
        return float(one == other)
    ours, theirs = _grams(one), _grams(other)
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def _grams(text: str) -> Counter[str]:
    return Counter(text[at:at + GRAM] for at in range(len(text) - GRAM + 1))


def no_revert(before: str, after: str, now: str) -> float:
    """1 when a text did not go back towards what was there before the suggestion, 0 when it is that again.

    ``before`` is what the suggestion replaced, ``after`` the suggestion, ``now`` what stands there now. A suggestion
    that replaced nothing cannot be reverted to anything: 1.
    """
    gone = four_gram(after, before)
    if not before or gone == 1:
        return 1.0
    return 1 - max(four_gram(now, before) - gone, 0.0) / (1 - gone)
