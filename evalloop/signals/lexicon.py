"""What a short message says of the answer before it, by patterns that anyone can read (English only).

A complaint or correction gives -1, approval +1, anything else 0; a complaint outweighs politeness. "No" after an answer
that asked or offered something is a reply, and "no, that is all" is a farewell: neither is a complaint. No irony is
understood, and a user who changes a wish ("make it six people instead") is not complaining.

The list was tuned on the corpus of corrections that the demo ships: of the failures there that annotators judged, 84 %
correct the answer, and 82 % of such answers are found. These figures flatter it. Expect less on another product, and
read there what `evalloop signals` says of agreement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

VERSION = "en3"

NOT = (r"(?:not|no|never|cannot|doesn|(?:is|was|were|does|did|do|are|have|has|had|ca|could|would|should|need)n'?t"
       r"|won't)")

POLITE = (r"(?:thanks?|thank you|problem|worries|need|more|one|idea|nothing|bye|goodbye|later|way"
          r"|not (?:now|today|yet|right now|at)|(?:i|we)(?:'?m|'?re| am| are)"
          r"|i (?:do not|don'?t) (?:need|want|have|care)|it'?s (?:ok|fine)"
          r"|that'?s (?:all|it|fine|ok|okay|everything|enough)|that (?:is|will|'ll|would|one))")
"""What follows a "no" that ends a talk or accepts what was said."""

REFUSALS: Mapping[str, str] = {
    "no, ...": rf"^\W*(?:[0-9]+ )?(?:no|nope|nah)\b\W+(?!{POLITE}\b)\w+",
    "i do not think so": r"\bi (?:do not|don'?t) think (?:so|that'?s)\b",
    "not for me": rf"\b{NOT} (?:really )?(?:work|suit(?:able)?|good) for (?:me|us)\b",
}
"""Complaints only when the answer neither asked nor offered something."""

OFFER = re.compile(r"\?|\bwhat do you think\b|\b(?:please|to) confirm\b|\bwould you like\b|\bdo you want\b"
                   r"|\bhow about\b|\bif you want\b", re.IGNORECASE)
ENDING = 160
"""Characters at the end of an answer in which a question or an offer waits for a reply."""

COMPLAINTS: Mapping[str, str] = {
    "wrong": r"\b(?:wrong|incorrect|inaccurate|mistaken|mistakes?|not true|untrue)\b",
    "not right": rf"\b(?:that|this|it|answer|code|response|which)(?:'s| is| was)? ?{NOT} "
                 r"(?:be )?(?:quite |even |at all )?"
                 r"(?:right|correct|true|working|good|an answer|the (?:question|point|same))\b",
    "not what i asked": r"\bnot what (?:i|we)\b|\bi (?:meant|never (?:said|asked))\b"
                        r"|\bi did(?: not|n'?t) (?:say|ask|mean)\b",
    "no sense": rf"\b{NOT} (?:really |even |quite )?(?:mak(?:e|es|ing) (?:any |much )?sense|understand you)\b"
                r"|\bnothing (?:\w+ ){0,4}mak(?:es|ing) sense\b"
                r"|\bmakes? no sense\b|\bnonsense\b|\bgibberish\b|\bsenseless\b",
    "does not work": rf"\b{NOT} (?:really |even )?(?:work|help|run|compile|answer|address)(?:s|ing|ed)?\b"
                     r"(?! for (?:me|us)\b)"
                     r"|\bstill (?:not|wrong|fails?|failing|broken|get(?:ting)? (?:the|an) (?:same )?error)\b",
    "what?": r"\bwhat (?:are|r) (?:you|u|we) (?:talking|saying|on)\b|\bwhat (?:do|did) you mean\b"
             r"|\bwhat does that have\b|\b(?:not sure|no idea|don'?t know) (?:\w+ ){0,2}what (?:you|your|you'?re)\b"
             r"|^\W*(?:u[hm]+\W+)?(?:huh|what|pardon|excuse me)\W*\?+\W*$|\bare we (?:still )?talking about\b",
    "i said that": r"\bi (?:already|just) (?:said|told|asked|mentioned|gave|answered)\b"
                   r"|\byou (?:already|just) (?:said|asked|told)\b",
    "you did not": rf"\byou (?:did |have |do |are |were )?{NOT} (?:\w+ )?"
                   r"(?:answer|listen|understand|read|include|know|respond|ask)(?:ing|ed|s)?\b",
    "you are": r"\byou(?:'?re| are) (?:wrong|confus\w+|repeating|not (?:making|answering|listening|very|being))\b"
               r"|\byou (?:misunderst\w+|forgot|missed|ignored|contradict\w*|keep \w+ing)\b",
    "bad": r"\b(?:useless|terrible|awful|horrible|unhelpful|garbage|hallucinat\w+|made (?:that|it) up)\b"
           r"|\b(?:off topic|irrelevant)\b"
           rf"|\b{NOT} (?:very |really |so )?helpful\b|\bchange of (?:topic|subject)\b",
    "pasted error": r"\btraceback \(most recent call last\)|\b(?:[a-z]{3,}error|errors?):",
    "doubt": r"\bi (?:do not|don'?t) (?:believe (?:that|you|it)|understand (?:what|you|that|your)|see (?:how|what))\b"
             r"|\bi(?:'?m| am) confused\b|\bthat'?s (?:weird|odd|strange|confusing|random)\b|\bconfusing\b"
             r"|\bare you (?:sure|serious|kidding)\b|^\W*you think so\W*\?",
    "again": r"\btry again\b",
}
APPROVAL: Mapping[str, str] = {
    "thanks": r"\b(?:thanks?|thank you|thx|cheers)\b",
    "praise": r"\b(?:perfect|great|awesome|excellent|wonderful|fantastic|brilliant|amazing|well done)\b"
              r"|^\W*exactly\W*$",
    "right": r"\b(?:that'?s|this is|that is|you'?re|you are) (?:right|correct|good|it|true)\b",
    "works": r"\b(?:that|this|it) (?:works|worked|helps|helped|will work|sounds good)\b"
             r"|\bworks (?:now|great|perfectly)\b",
    "good answer": r"\b(?:good|nice) (?:answer|job|work|one|point|explanation)\b|\b(?:very|really|so) helpful\b",
}

FILLERS = frozenset(re.findall(r"\w+", """
a an and are as at be been but by can could did do does for from get give got help here how i if in is it just let
make me my need now of on or our please should show so tell that the then there these this those to use using want was
we were what when where which who why will with would you your
"""))
"""English words that ask, but do not say for what."""


def _any(patterns: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns.values()), re.IGNORECASE)


@cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Refusals, complaints, approval; compiled when first used, for every command loads this module."""
    return _any(REFUSALS), _any(COMPLAINTS), _any(APPROVAL)


SHORT, REMEMBERED = 120, 20_000
"""Texts of at most so many characters are remembered, and so many of them."""
_DENIED = re.compile(rf"\b{NOT} (?:\w+ )?$", re.IGNORECASE)
_SPACE, _WORD = re.compile(r"\s+"), re.compile(r"\w+")


def polarity(text: str, answer: str = "") -> int:
    """-1 for a complaint or correction, +1 for approval, 0 for neither; ``answer`` is what the text follows."""
    complains, refuses, approves = _heard(text) if len(text) <= SHORT else _read(text)
    if complains or (refuses and not OFFER.search(answer[-ENDING:])):
        return -1
    return int(approves)


def _read(text: str) -> tuple[bool, bool, bool]:
    """Whether a text complains, refuses, approves."""
    plain = _SPACE.sub(" ", text.replace("’", "'").replace("`", "'"))
    refused, complained, approved = _compiled()
    if complained.search(plain):
        return True, False, False
    return False, refused.search(plain) is not None, any(
        not _DENIED.search(plain[: match.start()]) for match in approved.finditer(plain))


_heard = lru_cache(maxsize=REMEMBERED)(_read)
"""The same of short texts, which many users write alike: each is read once."""


def telling(text: str) -> frozenset[str]:
    """The words of a message that say what it is about, small."""
    return frozenset(_WORD.findall(text.casefold())) - FILLERS
