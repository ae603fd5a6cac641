"""How far evidence is trusted: fused score, weights of failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from evalloop.records.fused import FusedModel
    from evalloop.signals.capturing import Gap, Slice
    from evalloop.signals.weighted import TrustOptions, Weighted
    from evalloop.signals.worth import Worth


def weigh_failures(project: Project, *, history: bool = True, words: bool = True) -> Weighted:
    """The turns that let a user down, by the signals of all detectors, and what each counts in shares.

    The engine scores and counts; only votes, failures and what led up to them (``history``) are read as records, and
    without ``words`` votes alone: failures then carry ids, users, times and weights.
    """
    from evalloop.loop.evidence import detectors_of, need_turns, open_evidence
    from evalloop.signals.weighted import weigh_evidence

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        signals = bench.signals(detectors_of(project))
        options = replace(trust_options(project), words=words)
        return weigh_evidence(bench.evidence, signals, usable_model(project, list(signals)),
                              options if history else replace(options, history=0))


def fit_scores(project: Project) -> FusedModel:
    """Fits the fused failure score on all labels, and keeps it for ``failures``; quarantined votes stay out."""
    from evalloop.loop.evidence import detectors_of, need_turns, open_evidence
    from evalloop.signals.derive import together
    from evalloop.signals.fused import fit
    from evalloop.signals.labels import labelled
    from evalloop.signals.scored import judged_apart
    from evalloop.signals.weighted import accounts_of
    from evalloop.store.files import write_json

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        signals, engine = bench.signals(detectors_of(project)), bench.evidence.engine
        every = engine.view(together(signals))
        accounts = accounts_of(bench.evidence, every, trust_options(project))
        found = labelled(bench.evidence, engine.view(judged_apart(engine, every, accounts)))
    model = fit(found, list(signals))
    write_json(model_file(project), model.to_dict(), private=True)
    return model


def detector_worth(project: Project) -> tuple[Worth, ...]:
    """What each detector is worth, by all labels; accounts that are set apart stay out with all that is theirs."""
    from evalloop.loop.evidence import detectors_of, need_turns, open_evidence
    from evalloop.signals.derive import together
    from evalloop.signals.scored import set_apart
    from evalloop.signals.weighted import accounts_of
    from evalloop.signals.worth import worth

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        signals = bench.signals(detectors_of(project))
        accounts = accounts_of(bench.evidence, together(signals), trust_options(project))
        return worth(bench.evidence, {name: set_apart(bench.evidence.engine, found, accounts)
                                      for name, found in signals.items()}, accounts)


def capture_rates(project: Project) -> tuple[tuple[Slice, ...], tuple[Gap, ...]]:
    """Capture by day, surface and segment, and what surfaces stopped sending."""
    from evalloop.loop.evidence import detectors_of, need_turns, open_evidence
    from evalloop.signals.capturing import gaps, slices
    from evalloop.signals.derive import together

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        signals = together(bench.signals(detectors_of(project)))
        return slices(bench.evidence, signals), gaps(bench.evidence)


def saved_model(project: Project) -> FusedModel | None:
    """The model that was fitted last, whether or not it can still be used."""
    from evalloop.records.fused import FusedModel
    from evalloop.store.files import read_json

    path = model_file(project)
    return FusedModel.from_dict(read_json(path)) if path.is_file() else None


def usable_model(project: Project, detectors: Sequence[str]) -> FusedModel | None:
    """The fitted model, when it has a surface and was made with these versions of the detectors."""
    from evalloop.signals.fused import fits

    model = saved_model(project)
    return model if model and model.surfaces and fits(model, detectors) else None


def model_file(project: Project) -> Path:
    """Where the fitted model is kept."""
    return project.config.state_dir / "fused.json"


def trust_options(project: Project) -> TrustOptions:
    """The options that the settings name."""
    from evalloop.signals.weighted import TrustOptions
    from evalloop.signals.weighting import WeightOptions

    config = project.config
    weights = WeightOptions(config.weighting, config.user_cap, config.weight_limit, _margins(config.margins))
    return TrustOptions(config.failure_threshold, weights=weights, quarantine=tuple(config.quarantine),
                        trusted=tuple(config.trusted))


def _margins(given: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """``plan:free=0.6`` and so on, by column and level."""
    found: dict[str, dict[str, float]] = {}
    for text in given:
        column, _, rest = text.partition(":")
        level, _, share = rest.rpartition("=")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not column or not level or not value >= 0:
            raise ConfigError(f"{text!r} is no margin", key="margins", fix="write COLUMN:LEVEL=SHARE, as plan:free=0.6")
        found.setdefault(column, {})[level] = value
    return found
