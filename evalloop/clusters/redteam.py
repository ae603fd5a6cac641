"""Which failures are red-team material: attacks on a model, commands to a labeler, reports of unsafe output.

They are a kind of their own: grouped apart, never named by a model, and without influence on ordinary themes.
"""

from __future__ import annotations

import re

from evalloop.clusters.text import comparable
from evalloop.records.failure import Failure

UNSAFE_REASONS = frozenset({
    "unsafe", "harmful", "dangerous", "violence", "self-harm", "hate", "sexual", "illegal", "jailbreak", "red-team",
})
"""Reasons that a user can tick (any case, ``_`` for ``-``) which report unsafe output."""

_RULES = r"(?:instructions?|rules?|prompts?|guidelines?|directions?|messages?|texts?|quotes?|above|anweisungen|regeln)"
_PATTERNS = re.compile("|".join((
    r"\b(?:ignor\w*|disregard\w*|forget|override|bypass|skip|vergiss|olvida\w*|oublie\w*)\b[^.!?]{0,40}"
    rf"\b(?:above|previous|prior|earlier|preceding|system|safety|all|your|these|those|vorherig\w*|anterior\w*|"
    rf"pr[eé]c[eé]dent\w*)\b[^.!?]{{0,20}}\b{_RULES}",
    r"\b(?:ignore|disregard) (?:the |everything )?(?:above|before)\b",
    r"\b(?:instrucciones|instructions|anweisungen) (?:anteriores|pr[eé]c[eé]dentes)\b|忽略|无视|игнорируй|以前の指示",
    r"\bsystem prompt\b|\bdeveloper mode\b|\bjail ?break\w*|\bdo anything now\b|\bdan mode\b|\bno restrictions\b",
    r"\byou are (?:now|no longer) (?:a|an|in|my|the|bound|dan|free|un|root|admin)|\bpretend (?:you|to be)\b"
    r"[^.!?]{0,40}\b(?:no|without|un\w+) (?:rules|limits|restrictions|filters?)",
    r"\b(?:label|name|call|rename|title|tag|mark|categori[sz]e|classify)\b[^.!?]{0,30}\b(?:clusters?|groups?|themes?|"
    r"topics?|categor(?:y|ies)|quotes?|complaints?|labels?)\b[^.!?]{0,30}(?:\bas\b|\bto\b|[:=\"'\u201c])",
    r"\b(?:set|change|make|use|put|write|new)\b[^.!?]{0,20}\b(?:label|category|grade|score|verdict|rubric)\b[^.!?]{0,20}"
    r"(?:\bas\b|\bto\b|[:=\"'\u201c])",
    r"\b(?:label|category)\b\s*(?:must be|should be|is now|:|=)",
    r"\b(?:answer|respond|reply|output|return|print|say|write)\b[^.!?]{0,25}"
    r"\b(?:only|exactly|json|with the (?:word|label))\b[^.!?]{0,20}[:\"'{\u201c]",
    r"[{,]\s*[\"'](?:label|category|pass|passed|score|verdict|grade|name|tool|function|arguments|role|content)[\"']\s*:",
    r"</?(?:tool_call|function|system|assistant|instructions?)\b[^>]*>|<\|[a-z_]+\|>|\[/?inst\]|"
    r"\b(?:tool_calls?|function_call)\b",
    r"(?:^|[\s\]>#*\"'])(?:system|assistant|developer|labell?er)\s*:\s",
    r"\[?\bend of (?:output|quotes?|data|input|mark|text|prompt)\b|\bmark [0-9a-f]{8,}",
)), re.IGNORECASE)

_SQUASHED = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|your|my|these|those|every)*(?:above|previous|prior|earlier|preceding|"
    r"system)(?:instruction|rule|prompt|guideline|$)|systemprompt|labelthis(?:cluster|group|theme)|"
    r"(?:name|call)this(?:cluster|group|theme)|jailbreak|doanythingnow")
"""The same once letters alone are left: for words pulled apart by marks or spaces."""

_HIDDEN = re.compile("[\U000e0000-\U000e007f]")
"""Tag characters: text that a person does not see and a model reads."""


def attacks(text: str) -> bool:
    """True for a text that commands a model instead of complaining: a jailbreak, a fake answer, a fake tool call."""
    if _HIDDEN.search(text):
        return True
    plain = comparable(text)
    letters = re.sub(r"[\W_]+", "", plain)
    return bool(_PATTERNS.search(plain) or _SQUASHED.search(letters))


def is_red_team(failure: Failure) -> bool:
    """True where the words or the prompt attack the model, or the user reports unsafe output."""
    ticked = {reason.strip().casefold().replace("_", "-") for reason in failure.reasons}
    return bool(ticked & UNSAFE_REASONS) or attacks(failure.text) or attacks(failure.prompt)
