"""Figures as people read them: points on a pass rate, plain numbers on any other scale."""

from __future__ import annotations

from dataclasses import dataclass

from evalloop.printable import many
from evalloop.records.report import Change, Comparison, Delta, Headline

NONE = "–"
UNDETECTABLE = "none"


@dataclass(frozen=True)
class Words:
    """The words for one comparison: ``points`` when all its scores lie in [0, 1], so that 0.05 reads "5.0 points"."""

    points: bool
    confidence: str = "95 %"

    @classmethod
    def of(cls, comparison: Comparison) -> Words:
        """The words that fit the scores of ``comparison``."""
        rows = (comparison.overall, *comparison.clusters)
        values = [value for row in rows for value in (row.base, row.cand) if value is not None]
        return cls(all(0 <= value <= 1 for value in values), f"{100 * (1 - comparison.alpha):g} %")

    def delta(self, value: float | None, *, unit: bool = True) -> str:
        """A signed change: ``+2.1 points``."""
        if value is None:
            return NONE
        number = f"{value * 100:+.1f}" if self.points else f"{value:+.4g}"
        return _minus(number) + (" points" if unit and self.points else "")

    def size(self, value: float | None, *, unit: bool = True) -> str:
        """An unsigned amount: ``5.0 points``."""
        return NONE if value is None else self.delta(value, unit=unit).lstrip("+")

    def detectable(self, mde80: float | None) -> str:
        """The smallest delta that is found, without its unit; ``none`` where no delta of such scores is."""
        return UNDETECTABLE if self.undetectable(mde80) else self.size(mde80, unit=False)

    def undetectable(self, mde80: float | None) -> bool:
        """Whether no rate can change by so much."""
        return self.points and mde80 is not None and mde80 > 1

    def score(self, value: float | None) -> str:
        """A level: ``76.9 %``."""
        if value is None:
            return NONE
        return f"{value * 100:.1f} %" if self.points else _minus(f"{value:.4g}")

    def interval(self, delta: Delta) -> str:
        """``+22.7 to +31.7``, or a dash."""
        if delta.interval is None:
            return NONE
        low, high = delta.interval
        return f"{self.delta(low, unit=False)} to {self.delta(high, unit=False)}"

    def headline(self, headline: Headline) -> str:
        """What the change does to production, and what that figure rests on."""
        parts = [f"weighted as in production: {self.delta(headline.delta)}"]
        if headline.interval:
            low, high = (self.delta(limit, unit=False) for limit in headline.interval)
            parts.append(f"({self.confidence} interval {low} to {high}, p {p_value(headline.p)})")
        if self.points and headline.base < 1:
            less = (headline.cand - headline.base) / (1 - headline.base)
            change = f"{abs(less) * 100:.0f} % {'fewer' if less >= 0 else 'more'}"
            parts.append(f"- failures in these themes {100 * (1 - headline.base):.1f} % -> "
                         f"{100 * (1 - headline.cand):.1f} %, {change}")
        rest = (f"{many(headline.clusters, 'cluster')} with {headline.covered * 100:.0f} % of the shares, "
                f"from {headline.source}")
        return f"{' '.join(parts)}; {rest}"

    def evidence(self, delta: Delta) -> str:
        """Delta, interval, p and n in one phrase."""
        parts = [self.delta(delta.delta)]
        if delta.interval:
            parts.append(f"{self.confidence} interval {self.interval(delta)}")
        if delta.p is not None:
            parts.append(f"p {p_value(delta.p)}")
        return f"{parts[0]} ({', '.join([*parts[1:], many(delta.n, 'case')])})"


def p_value(p: float | None) -> str:
    """A p-value with three figures; tiny ones in scientific notation."""
    if p is None:
        return NONE
    return f"{p:.4f}".rstrip("0").rstrip(".") if p >= 0.001 else ("0" if p == 0 else f"{p:.1e}")


def change(given: Change | None, unit: str = "") -> str:
    """``412 -> 530 (+29 %)``, or a dash."""
    if given is None:
        return NONE
    part = f" ({_minus(f'{100 * given.delta / given.base:+.0f}')} %)" if given.base else ""
    return f"{given.base:.4g} -> {given.cand:.4g}{unit}{part}"


def changes(delta: Delta) -> str:
    """Wins, losses and ties."""
    return f"{delta.wins}/{delta.losses}/{delta.ties}"


def _minus(number: str) -> str:
    return number.replace("-", "−") if float(number) else number.lstrip("-+")


def rank(comparison: Comparison) -> list[Delta]:
    """Clusters in the order to read them: regressed, improved, the others, and those without a delta.

    Each group stands by falling size of the change.
    """
    order = {"regressed": 0, "improved": 1}
    return sorted(comparison.clusters,
                  key=lambda delta: (3 if delta.delta is None else order.get(delta.verdict, 2),
                                     -abs(delta.delta or 0), str(delta.cluster)))
