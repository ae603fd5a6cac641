"""Measures a judge against people: agreement beyond chance, what it lets through, where it leans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from evalloop import stats
from evalloop.errors import EmptyError
from evalloop.records.calibration import FEWEST_LABELS, Bias, Calibration, Label

WORDS = {
    1.0: frozenset({"1", "true", "yes", "y", "pass", "passed", "good", "up", "correct"}),
    0.0: frozenset({"0", "-1", "false", "no", "n", "fail", "failed", "bad", "down", "wrong", "incorrect"}),
}
PAIR_WORDS = {1.0: frozenset({"left", "first", "a"}), 0.0: frozenset({"right", "second", "b"}),
              0.5: frozenset({"tie", "both", "neither", "draw"})}


def speaks_of_pairs(written: Iterable[object]) -> bool:
    """True when verdicts name a place: left and right, first and second."""
    words = {str(each).strip().lower() for each in written}
    return bool(words & (PAIR_WORDS[1.0] | {"second"})) or {"right", "tie"} <= words


def verdict_of(written: object, pairs: bool = False) -> float | None:
    """A verdict as people write it, in [0, 1]: yes 1, no 0, a number as it is; None when it is none.

    Of ``pairs``: 1 for the first (left), 0 for the second (right), 0.5 for a tie.
    """
    word = str(written).strip().lower()
    for value, words in (PAIR_WORDS if pairs else WORDS).items():
        if word in words:
            return value
    try:
        number = float(word)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def majority(verdicts: Sequence[float]) -> float | None:
    """What most of several people say: the mean when they give degrees, else 1 or 0; None when they are even."""
    if any(each not in (0.0, 0.5, 1.0) for each in verdicts):
        return sum(verdicts) / len(verdicts)
    balance = sum(each - 0.5 for each in verdicts)
    return None if balance == 0 else float(balance > 0)


def measure(name: str, judge: str, labels: Iterable[Label], made_on: str, *, covers: Mapping[str, str] | None = None,
            model: str | None = None, pairs: bool = False, undecided: int = 0, swayed: float | None = None,
            source: tuple[str, str] = ("", "")) -> Calibration:
    """The calibration that ``labels`` give; ``swayed`` is the share of pairs in which the order decided the verdict.

    Of pairs, a judge's tie counts as "the first is not better". Raises EmptyError without a label.
    """
    rows = tuple(labels)
    if not rows:
        raise EmptyError("no label meets a verdict of the judge", fix="check the ids of both, and --field")
    human, said = [each.human for each in rows], [_decided(each.judge, pairs) for each in rows]
    people, judged = [each > 0.5 for each in human], [each > 0.5 for each in said]
    kappa = stats.cohen_kappa(people, judged)
    sees, spares = stats.sensitivity_specificity([float(each) for each in people], [float(each) for each in judged])
    bias = _paired_bias(human, said, "the judge's mean verdict less people's")
    return Calibration(
        name=name, judge=judge, made_on=made_on, n=len(rows), human_rate=sum(human) / len(rows),
        judge_rate=sum(said) / len(rows), bias=bias, agreement=kappa.agreement, kappa=kappa.kappa,
        kappa_interval=_ends(kappa.interval), sensitivity=sees, specificity=spares,
        balanced_accuracy=None if sees is None or spares is None else (sees + spares) / 2, covers=covers or {},
        model=model, pairs=pairs, undecided=undecided, position=_position(bias, pairs, swayed, len(rows)),
        length=_length(rows, said, pairs), source=source[0], source_digest=source[1], labels=rows)


def digest_of(text: str) -> str:
    """The hash by which a label knows its output again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _ends(interval: stats.Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def _decided(verdict: float, pairs: bool) -> float:
    return float(verdict > 0.5) if pairs else verdict


def _paired_bias(human: Sequence[float], said: Sequence[float], about: str) -> Bias:
    result = stats.paired(human, said)
    return Bias(result.delta, _ends(result.interval), result.n, about)


def _position(bias: Bias, pairs: bool, swayed: float | None, n: int) -> Bias | None:
    if swayed is not None:
        return Bias(swayed, None, n, "share of pairs in which the judge changed its mind with the order")
    if not pairs:
        return None
    return Bias(bias.value, bias.interval, bias.n, "how much more often than people the judge prefers the first answer")


def _length(rows: Sequence[Label], said: Sequence[float], pairs: bool) -> Bias | None:
    """Of pairs: how much more often than people it takes the longer; else: how much more it favours the longer half."""
    told = [(row.longer, row.human, verdict) for row, verdict in zip(rows, said, strict=True) if row.longer is not None]
    if pairs:
        unlike = [each for each in told if each[0]]
        if len(unlike) < FEWEST_LABELS:
            return None
        turned = [(human, verdict) if longer > 0 else (1 - human, 1 - verdict) for longer, human, verdict in unlike]
        return _paired_bias([each[0] for each in turned], [each[1] for each in turned],
                            "how much more often than people the judge prefers the longer answer")
    if len(told) < FEWEST_LABELS:
        return None
    middle = median(each[0] for each in told)
    long = [verdict - human for longer, human, verdict in told if longer > middle]
    short = [verdict - human for longer, human, verdict in told if longer <= middle]
    if not long or not short:
        return None
    result = stats.mean_contrast(long, short)
    return Bias(result.delta, _ends(result.interval), len(told),
                "how much more than people the judge favours the longer half of the answers over the shorter")
