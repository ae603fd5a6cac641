"""What the stage reads of a text: a clean form for comparing, its words, and a safe form for showing."""

from __future__ import annotations

import re
import unicodedata

READ_LIMIT = 2_000
"""Characters of a text that are read; feedback longer than this is a paste, and its opening says what it is."""

_WORD = re.compile(r"\w+")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019\u02bc](?=\w)")
_SPACE = re.compile(r"\s+")
_DRIVE = re.compile(r"\b[A-Za-z]:\\")
_INSIDE, _AFTER_SPACE, _CLEAR = re.compile(r"\\n\w"), re.compile(r"\s\\n[a-z]"), re.compile(r"\\n(?![a-z])")
_TEX = re.compile(r"\\(?:n(?:abla|atural|earrow|eq|ew(?:command|environment|line|page)?|geq|leq|mid|ode|oindent|onumber"
                  r"|ormalsize|ot(?:in)?|parallel|sim|subset(?:eq)?|u|warrow)"
                  r"|t(?:au|ext[a-z]*|frac|heta|ilde|imes|o|riangle))(?![A-Za-z])")
"""Words of TeX that begin as an escaped line end or tab does."""
_JOINER = "\u200d"


def unescaped(text: str) -> str:
    """The text with line ends where each stands as the two characters ``\\n``: twice at least, or once before no word.

    A text that has line ends, a path of Windows or words of TeX (``\\nabla``) stays as it is, and so does one where all
    may be such words: each before a small letter, one after a space.
    """
    if "\\n" not in text or "\n" in text or _DRIVE.search(text) or _TEX.search(text) or _doubtful(text):
        return text
    return text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "    ")


def _doubtful(text: str) -> bool:
    if text.count("\\n") < 2:
        return bool(_INSIDE.search(text))
    return bool(_AFTER_SPACE.search(text)) and not _CLEAR.search(text)


def comparable(text: str) -> str:
    """The text in the form in which two texts are the same: folded, no control characters, cut to ``READ_LIMIT``."""
    folded = unicodedata.normalize("NFKC", text[: 2 * READ_LIMIT]).casefold()
    return _APOSTROPHE.sub("", showable(folded))[:READ_LIMIT]


def words(text: str) -> list[str]:
    """Words of a comparable text; a text without any (only emoji, say) gives its chunks between spaces."""
    return _WORD.findall(text) or text.split()


def showable(text: str, limit: int = READ_LIMIT) -> str:
    """One line of plain text: no control or format characters; cut to ``limit``, with an ellipsis."""
    line = _SPACE.sub(" ", unescaped(text[: 4 * limit])).strip()
    if not line.isprintable():
        line = "".join(mark for mark in line if mark == _JOINER or unicodedata.category(mark)[0] != "C").strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(
    r"\s*(?:(?:def|class|return|assert|print|for|while|if|elif|else|try|except|with)\b.*(?:[(=]|:\s*$)"
    r"|(?:import|from \S+ import)\s|>>>|[#@)\]}\[({'\"]|null\s*$|(?:errors?:\s*)?File \"|[\w.]+\s*[-+*/]?=(?!=))"
    r"|.*(?:==|[{};]\s*$|\(most recent call last\)|Command failed|\]\s*=\s|\w\(\w*[\[({,]|\w\.\w+\()"
    r"|(?: {4}|\t)\S|[\W\d_]*$",
    re.IGNORECASE,
)
"""A line of code, of a traceback, or of figures alone."""

_ENDING = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text that a person wrote: code blocks, lines of code and tracebacks left out."""
    lines = _FENCED.sub("\n", unescaped(text[: 2 * READ_LIMIT])).split("\n")
    prose = "\n".join(line for line in lines if not _CODE.match(line))
    return [each for each in map(showable, _ENDING.split(prose)) if _WORD.search(each)]


def prose(text: str) -> str:
    """The text without its code, each sentence once; the whole text when nothing else is in it."""
    return "\n".join(dict.fromkeys(sentences(text))) or text


STOP_WORDS = frozenset(re.findall(r"\w+", """
a about actually after again all already also always am an and any are as at be been being both but by can could
did do does doing done even ever for from get gets getting go going got had has have having he her here hers him
his how i id if ill im in into is it its itself ive just let lets like ll may me might mine much my need now of
off on one only or other our ours out over own please quite really she should so some such sure than thank
thanks that thats the their them then there theres these they thing things this those through to too under until
up us very was way we well were what when where which while who whom why will with would yes yet you youd youll
your youre yours youve
"""))
"""English words that carry no theme by themselves."""

NEGATIONS = frozenset(re.findall(r"\w+", """
no not nor never none nothing without cannot cant dont doesnt didnt isnt arent wasnt werent wont wouldnt couldnt
shouldnt havent hasnt hadnt
"""))
"""Words that turn a meaning round: they stay at the edge of a phrase, but do not make one alone."""
