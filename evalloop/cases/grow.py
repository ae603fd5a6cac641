"""Grows candidate cases out of clusters of failures: few, varied, fair to users, and nothing that is there already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.cases.choose import Choice, Chooser, digest, profile, words_of
from evalloop.cases.propose import Fault, graders, kind_of
from evalloop.cases.usable import MAX_PROMPT, Usable
from evalloop.near import Near, normal
from evalloop.records.case import Case
from evalloop.records.cluster import OTHER, RED_TEAM, Cluster
from evalloop.records.failure import Failure

MAX_QUOTE = 2_000
MAX_TURN = 4_000
MAX_NAME = 40
_BIDI = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))


@dataclass(frozen=True)
class GrowSettings:
    """How cases are grown.

    ``per_cluster``: most cases of one cluster in one week; ``least_alike``: word overlap from which two prompts are
    duplicates; ``heldout``: share of cases that is held out; ``min_users``: users a cluster needs before it is used;
    ``diversity``: 0 takes the most typical members, 1 the most different ones; ``implicit``: failures against which
    only one sign of behaviour speaks are used too; ``attacks`` finds words that command a model; ``mask`` is laid over
    every text.
    """

    per_cluster: int = 12
    least_alike: float = 0.85
    heldout: float = 0.5
    min_users: int = 1
    diversity: float = 0.5
    implicit: bool = False
    attacks: Callable[[str], bool] = lambda text: False
    mask: Callable[[str], str] = str


def grow(clusters: Sequence[Cluster], failures: Iterable[Failure], existing: Iterable[Case],
         rejected: Collection[str] = (), settings: GrowSettings | None = None) -> list[Case]:
    """New candidate cases, cluster by cluster in the given order.

    ``rejected`` holds the prompts of cases that reviewers refused: neither they nor near duplicates come back. A
    failure is used only where ``Usable`` finds no reason against it. Growing again from the same records gives nothing
    new: what is in ``existing`` counts against ``per_cluster``, and a conversation gives one case.
    """
    settings = settings or GrowSettings()
    known = {failure.failure_id: failure for failure in failures}
    cases = list(existing)
    usable = Usable(known.values(), implicit=settings.implicit, attacks=settings.attacks)
    members = {each.cluster_id: [known[name] for name in each.member_ids if name in known] for each in clusters}
    ordinary = {each.cluster_id for each in clusters if each.material != RED_TEAM} - {OTHER}  # attacks choose nothing
    profiles = {name: profile(list(map(words_of, each))) for name, each in members.items() if each and name in ordinary}
    chooser = Chooser(Near([*map(prompt_of, cases), *rejected], least=settings.least_alike),
                      lambda failure: _asked(_messages(failure, settings.mask)), settings.diversity,
                      _sessions(cases, known))
    taken = {case.id for case in cases}
    grown: list[Case] = []
    for cluster in clusters:
        room = settings.per_cluster - _grown_before(cluster, cases)
        if cluster.cluster_id in (OTHER, RED_TEAM) or cluster.users < settings.min_users or room <= 0:
            continue
        others = [each for name, each in profiles.items() if name != cluster.cluster_id]
        good = [each for each in members[cluster.cluster_id] if not usable.refusal(each)]
        name = cluster_name(cluster, cases)
        for choice in chooser.choose(good, others, room):
            case = _case(choice, cluster, name, settings)
            if case.id not in taken:
                taken.add(case.id)
                grown.append(case)
    return grown


def _sessions(cases: Iterable[Case], known: Mapping[str, Failure]) -> set[str]:
    """The conversations that gave a case already."""
    behind = (known.get(name) for case in cases for name in case.provenance.get("failures", ()))
    return {failure.session_id for failure in behind if failure and failure.session_id}


def prompt_of(case: Case) -> str:
    """What the case asks, as one text: all that the user says in it, or its variables."""
    return _asked(case.input.get("messages") or ()) or "\n".join(map(str, case.input.get("vars", {}).values()))


def _asked(messages: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(str(each["content"]) for each in messages if each.get("role") == "user" and each.get("content"))


def _messages(failure: Failure, mask: Callable[[str], str]) -> list[dict[str, Any]]:
    """The conversation up to the failure, masked and readable."""
    turns = [*failure.history, {"role": "user", "content": failure.prompt}]
    limits = [MAX_TURN] * len(failure.history) + [MAX_PROMPT]
    return [{"role": each["role"], "content": _cut(_readable(mask(str(each.get("content") or ""))), limit)}
            for each, limit in zip(turns, limits, strict=True)]


def cluster_name(cluster: Cluster, existing: Iterable[Case] = ()) -> str:
    """The cluster's name in files: that of its earlier cases, else made from its label."""
    existing = list(existing)
    for case in existing:
        if case.provenance.get("cluster_id") == cluster.cluster_id:
            return case.cluster
    name = slug(cluster.label) or slug(cluster.cluster_id) or "cluster"
    others = {case.cluster for case in existing if case.provenance.get("cluster_id") not in (None, cluster.cluster_id)}
    return f"{name}-{digest(cluster.cluster_id)[:4]}" if name in others else name


def slug(text: str) -> str:
    """Small ASCII words joined by hyphens, as many as fit into 40 characters; empty when there are none."""
    plain = unicodedata.normalize("NFKD", re.sub(r"['\u2019]", "", text)).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    while len(words) > 1 and len("-".join(words)) > MAX_NAME:
        words.pop()
    return "-".join(words)[:MAX_NAME]


def _grown_before(cluster: Cluster, cases: Iterable[Case]) -> int:
    """Cases that this cluster gave in this week."""
    wanted = (cluster.cluster_id, cluster.week)
    return sum((case.provenance.get("cluster_id"), case.provenance.get("week")) == wanted for case in cases)


def _case(choice: Choice, cluster: Cluster, name: str, settings: GrowSettings) -> Case:
    failure = choice.failure

    def clean(text: str, limit: int = MAX_PROMPT) -> str:
        return _cut(_readable(settings.mask(text)), limit)

    messages = _messages(failure, settings.mask)
    mark = digest(normal(_asked(messages)))
    correction = clean(failure.correction) if failure.correction and failure.correction.strip() else None
    complaint = clean(failure.text, MAX_QUOTE) if _own_words(failure) else ""
    fault = Fault(clean(cluster.label, 200), _kind(cluster), messages[-1]["content"],
                  clean(failure.response, MAX_QUOTE), complaint, correction)
    provenance: dict[str, Any] = {
        "events": list(failure.event_ids), "failures": [failure.failure_id], "week": cluster.week,
        "since": cluster.since if cluster.since != cluster.week else "",
        "cluster_id": cluster.cluster_id, "theme": fault.theme, "share": round(cluster.share, 4),
        "kind": kind_of(fault), "chosen": choice.why, "complaint": complaint, "response": fault.answer}
    return Case(
        id=f"{name[:71]}-{mark[:8]}", cluster=name, input={"messages": messages},
        graders=graders(fault), expected=correction, status="candidate",
        split="heldout" if int(mark[8:16], 16) / 2**32 < settings.heldout else "dev",
        provenance={key: value for key, value in provenance.items() if value not in ("", [], None)})


def _kind(cluster: Cluster) -> str:
    return "unsafe" if cluster.material == RED_TEAM and cluster.kind in ("unsorted", "other") else cluster.kind


def _own_words(failure: Failure) -> bool:
    """True when the text is what the user wrote about the answer, not the request or the answer itself."""
    text = normal(failure.text)
    return bool(text) and text not in map(normal, (failure.prompt, failure.response, failure.correction or ""))


def _readable(text: str) -> str:
    """Without characters that hide or reorder text, with line ends of one sort, no white space at the end of lines."""
    text = text.encode("utf-8", "replace").decode().translate(_BIDI).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs", "Co"))
    return "\n".join(line.rstrip() for line in kept.replace("\t", "    ").split("\n")).strip()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
