"""Writes release notes for users, from the release record alone; every number is looked up in the record afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from evalloop.encode import markdown
from evalloop.errors import EvalloopError, ExitCode
from evalloop.notes.release import PASS
from evalloop.records.release import Release

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
_STATES = {
    "BLOCK": ("not released", "The gate blocked this release, so nothing below is a promise to anyone."),
    "INCONCLUSIVE": ("not decided", "There is not enough evidence to release this, so no improvement is claimed."),
    "INCOMPLETE": ("not measured", "Part of the evaluation is missing, so no improvement is claimed."),
}


Template = Callable[[Mapping[str, Sequence[str]]], str]
"""Makes the text of notes from their parts."""


def write_notes(release: Release, template: Template | None = None) -> str:
    """The notes as Markdown, in the order of ``template`` where there is one.

    Raises EvalloopError when a number in them is not in the record.
    """
    parts = sections(release)
    text = template(parts) if template else "\n".join(line for lines in parts.values() for line in lines)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    check_numbers(text, release, templated=template is not None)
    return text


def sections(release: Release) -> dict[str, list[str]]:
    """The lines of each part of the notes, encoded for Markdown; a part with nothing to say is empty."""
    return {"head": list(_head(release)), "better": list(_better(release)), "same": list(_same(release)),
            "production": list(_production(release)), "issues": list(_issues(release)),
            "method": list(_method(release))}


def check_numbers(text: str, release: Release, *, templated: bool = False) -> None:
    """Raises EvalloopError when a number of the text is not in the record; it is a fault unless a template made it."""
    unsupported = unsupported_numbers(text, release)
    if unsupported:
        error = EvalloopError(f"the notes hold numbers that the record does not: {', '.join(unsupported)}",
                              fix="take them out of the template" if templated else "please report this")
        error.exit_code = error.exit_code if templated else ExitCode.INTERNAL
        raise error


def unsupported_numbers(text: str, release: Release) -> list[str]:
    """The numbers of ``text`` that are neither figures of the record, as notes print them, nor part of its names."""
    for known in sorted(set(_texts(release.to_dict())), key=len, reverse=True):
        for form in (markdown(known, limit=1000), markdown(known)):
            if _NUMBER.search(form):
                text = re.sub(rf"(?<![\w.]){re.escape(form)}(?!\w|\.\d)", " ", text)
    allowed = {form for value in _figures(release.to_dict()) for form in _forms(value)}
    return [number for number in _NUMBER.findall(text) if number not in allowed]


def _head(release: Release) -> Iterator[str]:
    name = markdown(release.name)
    if release.gate == PASS:
        yield f"# {name}"
        yield ""
        yield (f"{markdown(release.candidate)} takes the place of {markdown(release.baseline)}. Both answered the same "
               f"{release.overall['n']} cases.")
        return
    state, sentence = _STATES.get(release.gate, ("not judged", "No gate judged this release, so nothing is claimed."))
    yield f"# {name}: {state}"
    yield ""
    yield f"{markdown(release.candidate)} was compared with {markdown(release.baseline)}. {sentence}"
    yield ""
    yield from (f"- {markdown(reason, limit=1000)}" for reason in release.reasons)


def _better(release: Release) -> Iterator[str]:
    if release.gate != PASS:
        return
    yield from ("", "## What got better", "")
    overall = release.overall
    if overall["improved"]:
        yield (f"- **Overall**: {_change(release, overall)}; {overall['wins']} cases got better, "
               f"{overall['losses']} got worse.")
    yield from (_claim(release, claim) for claim in release.improved)
    if not overall["improved"] and not release.improved:
        yield ("No improvement was shown. The release is held to be no worse than before, within a margin of "
               f"{_size(release, release.margin)}.")


def _same(release: Release) -> Iterator[str]:
    if release.unchanged and release.gate == PASS:
        yield from ("", "## What is no worse than before", "")
        margin = _size(release, release.margin)
        yield f"Not worse by {margin} or more, as far as the cases show: {_themes(release, release.unchanged)}."


def _production(release: Release) -> Iterator[str]:
    """What users' own feedback said since; only what is decided."""
    said = [each for each in release.checks if each.verdict in ("confirmed", "worse")]
    if not said:
        return
    yield from ("", "## What your feedback says since", "")
    for each in said:
        word = "lets fewer people down" if each.verdict == "confirmed" else "lets more people down"
        after = each.after if each.after is not None else each.before
        yield (f"- **{_theme(release, each.cluster)}** {word}: {after * 100:.1f} of a hundred, before "
               f"{each.before * 100:.1f}.")


def _issues(release: Release) -> Iterator[str]:
    if not (release.regressed or release.undecided or release.overall["dropped"]):
        return
    yield from ("", "## Known issues", "")
    yield from (_claim(release, claim) for claim in release.regressed)
    if release.undecided:
        yield f"- Too few cases to say whether this changed: {_themes(release, release.undecided)}."
    if release.overall["dropped"]:
        yield f"- Cases that could not be compared: {release.overall['dropped']}."


def _method(release: Release) -> Iterator[str]:
    yield from ("", "## How this was measured", "")
    sentence = "Each figure compares both versions on the same cases; the range beside it is what chance leaves open."
    if any(claim["shrunken"] for claim in (*release.improved, *release.regressed)):
        sentence += (" Figures of single themes are drawn towards the average of all themes, because the largest of "
                     "many is partly luck.")
    yield sentence + (" A point is one case in a hundred." if release.points else "")


def _claim(release: Release, claim: Mapping[str, Any]) -> str:
    return (f"- **{_theme(release, claim['cluster'])}**: about {_change(release, claim)}; of {claim['n']} cases "
            f"{claim['wins']} got better and {claim['losses']} got worse.")


def _change(release: Release, figures: Mapping[str, Any]) -> str:
    delta = figures["delta"]
    word = "better" if delta > 0 else "worse"
    size, low, high = _size(release, delta), figures["low"], figures["high"]
    if low is None or high is None:
        return f"{size} {word}"
    near, far = (_number(release, abs(end)) for end in sorted((low, high), key=abs))
    if low * high < 0:
        return f"{size} {word} (from {_number(release, -low)} worse to {_number(release, high)} better)"
    return f"{size} {word} (between {near} and {far})"


def _size(release: Release, value: float) -> str:
    return f"{_number(release, abs(value))} points" if release.points else _number(release, abs(value))


def _number(release: Release, value: float) -> str:
    return f"{value * 100:.1f}" if release.points else f"{value:.4g}"


def _themes(release: Release, clusters: Sequence[str]) -> str:
    return ", ".join(_theme(release, cluster) for cluster in clusters)


def _theme(release: Release, cluster: str) -> str:
    return markdown(release.themes.get(cluster, cluster))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _figures(value: Any) -> Iterator[float]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _figures(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _figures(item)


def _forms(value: float) -> tuple[str, ...]:
    size = abs(value)
    return (f"{size * 100:.1f}", f"{size:.4g}", *([str(size)] if isinstance(size, int) else []))
