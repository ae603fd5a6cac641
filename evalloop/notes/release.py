"""The release record: what shipped, what its gate supported, and therefore what may be said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from math import inf
from pathlib import Path
from statistics import NormalDist
from typing import Any

from evalloop.errors import RecordError, RecordErrors, UsageError
from evalloop.records.release import Expectation, Release
from evalloop.records.report import Comparison, Delta
from evalloop.records.run import Run
from evalloop.store import schema
from evalloop.store.files import read_json, write_text

PASS = "PASS"  # noqa: S105 - a verdict
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
IMPROVED, REGRESSED, UNDECIDED = "improved", "regressed", "not enough evidence"


def release_of(comparison: Comparison, name: str, *, themes: Mapping[str, str] | None = None,
               cluster_ids: Mapping[str, str] | None = None, run: Run | None = None, shipped_at: str | None = None,
               variants: Sequence[str] = (), now: datetime | None = None) -> Release:
    """The record of a release. Improvements are in it only when the gate passed.

    ``themes`` maps a cluster to the label that people know it by; one without is called by its name in plain words.
    ``cluster_ids`` maps a cluster to the id of the theme in feedback that its cases came from: what can be watched.
    ``run`` is the candidate's.
    """
    gate = comparison.gate.verdict if comparison.gate else "NONE"
    by_verdict: dict[str, list[Delta]] = {}
    for delta in comparison.clusters:
        by_verdict.setdefault(delta.verdict if delta.n else UNDECIDED, []).append(delta)
    known = themes or {}
    improved = _claims(comparison, by_verdict.pop(IMPROVED, [])) if gate == PASS else ()
    return Release(
        name=name, created_at=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        baseline=comparison.baseline, candidate=comparison.candidate, variant_id=run.variant_id if run else None,
        evalset=run.evalset if run else None, evalset_digest=run.evalset_digest if run else None, gate=gate,
        improved=improved,
        regressed=_claims(comparison, by_verdict.pop(REGRESSED, [])),
        undecided=tuple(str(delta.cluster) for delta in by_verdict.pop(UNDECIDED, [])),
        unchanged=tuple(str(delta.cluster) for rest in by_verdict.values() for delta in rest
                        if delta.verdict != IMPROVED),
        themes={name: theme for name in (str(each.cluster) for each in comparison.clusters)
                if (theme := known.get(name) or _plain(name)) != name},
        overall=_overall(comparison, gate), reasons=comparison.gate.reasons if comparison.gate else (),
        margin=comparison.margin, points=_points(comparison), shipped_at=shipped_at, variants=tuple(variants),
        expectations=tuple(_expectations(comparison, improved, cluster_ids or {}, known)))


def _expectations(comparison: Comparison, improved: Sequence[Mapping[str, Any]], cluster_ids: Mapping[str, str],
                  themes: Mapping[str, str]) -> Iterator[Expectation]:
    """What production is to show: better where it is claimed, no worse everywhere else."""
    claimed = {claim["cluster"]: float(claim["delta"]) for claim in improved}
    for delta in comparison.clusters:
        name = str(delta.cluster)
        yield Expectation(name, cluster_ids.get(name), "better" if name in claimed else "same", claimed.get(name),
                          themes.get(name) or _plain(name))


def _plain(cluster: str) -> str:
    """``length_constraints`` as people write it."""
    return " ".join(re.split(r"[\s_-]+", cluster)).strip() or cluster


def keep_release(folder: Path, release: Release, *, said: Sequence[str] = ()) -> Path:
    """Writes ``<name>.json``, a text file for git; a release may be written again, but not over another one.

    ``said`` are fields that may not differ from what was registered: to change one of them is another release.
    """
    if not _NAME.fullmatch(release.name):
        raise UsageError(f"{release.name!r} cannot be the name of a release",
                         fix="use letters, digits, dot, underscore and hyphen, at most 80 of them")
    path = folder / f"{release.name}.json"
    if path.is_file():
        old = read_release(folder, release.name)
        if (old.baseline, old.candidate) != (release.baseline, release.candidate):
            raise UsageError(f"there is a release named {release.name!r} already, of {old.candidate!r}",
                             fix="choose another name, or delete that file")
        other = next((each for each in said if getattr(old, each) != getattr(release, each)), None)
        if other and old.shipped_at is not None:
            raise UsageError(f"the release {release.name!r} is registered already, with {other} {_shown(old, other)}",
                             fix="choose another name: what was said before production answered is not changed")
        release = _as_registered(release, old)
    write_text(path, json.dumps(release.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def _shown(release: Release, name: str) -> str:
    value = getattr(release, name)
    return (" ".join(value) or "none") if isinstance(value, tuple) else str(value)


def _as_registered(release: Release, old: Release) -> Release:
    """What was said before production could answer stays as it was said; so do production's answers."""
    if old.shipped_at is None:
        return release
    return replace(release, created_at=old.created_at, shipped_at=old.shipped_at, variants=old.variants,
                   expectations=old.expectations, checks=release.checks or old.checks)


def read_release(folder: Path, name: str) -> Release:
    """The record of that name; UsageError, with the nearest names, when there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        known = [each.name for each in read_releases(folder)]
        near = get_close_matches(name, known, n=3, cutoff=0.4) or known[-3:]
        create = "evalloop release create NAME BASE CAND records one"
        raise UsageError(f"there is no release named {name!r}",
                         fix=f"releases: {', '.join(near)}{', ...' * (len(near) < len(known))}; {create}" if known
                         else create)
    return _read(path)


def read_releases(folder: Path) -> list[Release]:
    """All records, oldest first."""
    found = [_read(path) for path in folder.glob("*.json")] if folder.is_dir() else []
    return sorted(found, key=lambda each: (each.shipped_at or each.created_at, each.name))


def _read(path: Path) -> Release:
    data = read_json(path)
    problems = schema.validate("release", data)
    if problems:
        raise RecordErrors([RecordError(each.message, file=str(path), field=each.field, fix=each.fix)
                            for each in problems])
    return Release.from_dict(data)


def _claims(comparison: Comparison, deltas: list[Delta]) -> tuple[Mapping[str, Any], ...]:
    """The clusters that changed, the largest change first, each with the figure that may be quoted."""
    claims = [_claim(comparison, delta) for delta in deltas]
    return tuple(sorted(claims, key=lambda claim: -abs(claim["delta"])))


def _claim(comparison: Comparison, delta: Delta) -> dict[str, Any]:
    """Drawn towards the mean of all clusters: the largest of many observed deltas is always partly luck."""
    shrunken = comparison.shrunken.get(str(delta.cluster))
    quantile = NormalDist().inv_cdf(1 - comparison.alpha / 2)
    counts = {"cluster": str(delta.cluster), "n": delta.n, "wins": delta.wins, "losses": delta.losses}
    if shrunken:
        half = quantile * shrunken["se"]
        most = 1.0 if _points(comparison) else inf
        low, high = max(shrunken["delta"] - half, -most), min(shrunken["delta"] + half, most)
        return {**counts, "delta": shrunken["delta"], "low": low, "high": high, "shrunken": True}
    ends = delta.interval or (None, None)
    return {**counts, "delta": delta.delta or 0.0, "low": ends[0], "high": ends[1], "shrunken": False}


def _overall(comparison: Comparison, gate: str) -> dict[str, Any]:
    overall = comparison.overall
    low, high = overall.interval or (None, None)
    return {"delta": overall.delta, "low": low, "high": high, "n": overall.n, "wins": overall.wins,
            "losses": overall.losses, "dropped": overall.dropped,
            "improved": gate == PASS and overall.verdict == IMPROVED}


def _points(comparison: Comparison) -> bool:
    rows = (comparison.overall, *comparison.clusters)
    return all(0 <= value <= 1 for row in rows for value in (row.base, row.cand) if value is not None)
