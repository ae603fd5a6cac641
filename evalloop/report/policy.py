"""The release policy: what ``gate:`` of a suite, a policy file or the command line may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from evalloop.errors import ConfigError

BUDGETS = {"max_cost": "US dollars for the mean answer", "max_latency": "seconds for the mean answer",
           "max_cost_change": "0.2 allows a fifth more than the baseline",
           "max_latency_change": "0.2 allows a fifth more than the baseline"}


@dataclass(frozen=True)
class Policy:
    """``margin`` is how much worse a release may be, on the score's scale; ``target`` is the cluster that the release
    claims to improve, declared beforehand; ``protected`` clusters raise an alarm on their own; ``must_pass`` cases may
    not fail in more than half of their runs; ``min_n`` is the fewest pairs a verdict may rest on; ``approval`` names
    graders and clusters that measure what users like rather than what is right: the rest must hold on its own;
    ``weights`` are the clusters' shares in production, where they are not those of the themes. Budgets: ``max_cost``
    (US dollars) and ``max_latency`` (seconds) limit the candidate's mean answer, ``max_cost_change`` and
    ``max_latency_change`` how much more than the baseline's it may be (0.2: a fifth). ``rerun``: an alarm starts the
    confirming runs of its cluster at once."""

    margin: float = 0.05
    alpha: float = 0.05
    target: str | None = None
    protected: tuple[str, ...] = ()
    must_pass: tuple[str, ...] = ()
    min_n: int = 0
    approval: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    max_cost: float | None = None
    max_latency: float | None = None
    max_cost_change: float | None = None
    max_latency_change: float | None = None
    rerun: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any] | None, *, file: str = "", **flags: Any) -> Policy:
        """The policy of a mapping with command-line values over it (None or empty: not given); refuses unknown keys."""
        values = {key: value for key, value in (given or {}).items() if value is not None}
        values |= {key: value for key, value in flags.items() if value not in (None, (), [], {})}
        known = [each.name for each in fields(cls)]
        for key in values:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                raise ConfigError(f"unknown key {key!r} in the gate policy", file=file, key=f"gate.{key}",
                                  fix=f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}")
        return cls(**{key: _checked(key, value, file) for key, value in values.items()})

    def limits(self, name: str) -> bool:
        """Whether there is a budget for ``cost`` or ``latency``."""
        return getattr(self, f"max_{name}") is not None or getattr(self, f"max_{name}_change") is not None

    def without_target(self) -> Policy:
        """The same policy for a release that claims no improvement."""
        return replace(self, target=None)

    def to_dict(self) -> dict[str, Any]:
        """The policy as plain JSON types."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else dict(value) if name == "weights" else value
                for name, value in values.items() if value is not None}


def _checked(key: str, value: Any, file: str) -> Any:
    place = {"file": file, "key": f"gate.{key}"}
    if key in ("margin", "alpha"):
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if wrong or not (0 <= value < float("inf") if key == "margin" else 0 < value < 0.5):
            limits = "from 0" if key == "margin" else "between 0 and 0.5"
            raise ConfigError(f"{value!r} is not a number {limits}", **place,
                              fix="0.05 is five points on a pass rate" if key == "margin" else "0.05 is usual")
        return float(value)
    if key == "min_n":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"{value!r} is not a number of cases", **place, fix="write a whole number from 0")
        return value
    if key in BUDGETS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ConfigError(f"{value!r} is not a number from 0", **place, fix=BUDGETS[key])
        return float(value)
    if key == "rerun":
        if not isinstance(value, bool):
            raise ConfigError(f"{value!r} is neither true nor false", **place, fix="write true or false")
        return value
    if key == "weights":
        return _weights(value, place)
    if key == "target":
        if not isinstance(value, str):
            raise ConfigError(f"{value!r} is not the name of a cluster", **place, fix="name one cluster")
        return value
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
        raise ConfigError(f"{value!r} is not a list of names", **place, fix="write [name, name]")
    return tuple(listed)


def _weights(value: Any, place: Mapping[str, str]) -> Mapping[str, float]:
    """Shares by cluster: numbers from 0, one of them above it."""
    numbers = list(value.values()) if isinstance(value, Mapping) else []
    fine = all(isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each < float("inf")
               for each in numbers)
    if not numbers or not fine or not any(numbers):
        raise ConfigError(f"{value!r} is no table of shares by cluster", file=place["file"], key=place["key"],
                          fix="write {cluster: 0.6, other: 0.4}")
    return {str(name): float(each) for name, each in value.items()}
