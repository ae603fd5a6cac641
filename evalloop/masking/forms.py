"""Masks personal data in texts before anything touches the disk: what has a form (not names of people).

Found: e-mail addresses, telephone numbers, payment cards (with their check digit), public IP addresses, and keys and
tokens. Each is replaced by its kind in square brackets, so that the text stays readable and the same in every import.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

MASKER = "forms@1"

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^\s/:@]{1,64}:[^\s/@]{1,128}(?=@)", re.DOTALL)
_ASSIGNED = re.compile(
    r"((?:api[_-]?key|secret|token|passw(?:or)?d|bearer)[\"']?\s{0,3}(?:[:=]|\s)\s{0,3}[\"']?)"
    r"(?=[A-Za-z0-9+/_-]*[0-9])(?=[A-Za-z0-9+/_-]*[A-Za-z])([A-Za-z0-9+/_-]{16,}=*)", re.IGNORECASE)
_SECRET_MARKS = ("PRIVATE KEY", "sk-", "pk-", "rk-", "sk_", "pk_", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
                 "github_pat_", "glpat-", "hf_", "xox", "AKIA", "ASIA", "AIza", "eyJ", "://")
_ASSIGNED_MARKS = ("key", "secret", "token", "passw", "bearer")
_BARE = ("AKIA", "ASIA", "AIza", "eyJ", "://")
"""Marks of secrets that need neither a hyphen nor an underline."""
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_FEW_DIGITS, _FEW_COLONS = 4, 2
"""An address on the internet needs four digits (1.1.1.1) or two colons within a text; telephone numbers and cards need
more digits."""
_BROKEN = re.compile("[\ud800-\udfff]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_CARD = re.compile(r"(?<![\w.-])[0-9](?:[ -]?[0-9]){12,18}(?![\w-])")
_IP = re.compile(
    r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.[0-9])")
_PHONE = re.compile(
    r"(?<![\w.+/-])(?<![0-9] )(?:"
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,5}\)?){2,6}"
    r"|\([0-9]{2,5}\)[ .-]?[0-9]{3,4}[ .-]?[0-9]{3,5}"
    r"|(?:1[ .-])?[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}"
    r"|0[0-9]{2,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,5}"
    r")(?![\w-]| [0-9])")


def mask_text(text: str) -> tuple[str, set[str]]:
    """The text with personal data replaced, and the kinds that were found."""
    found: set[str] = set()
    for kind, pattern, real, needed in _RULES:
        if needed(text):
            text = pattern.sub(_replacer(kind, real, found), text)
    return text, found


def places(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of all that has a form; one may lie over another."""
    for kind, pattern, real, needed in _RULES:
        if needed(text):
            for match in pattern.finditer(text):
                if real(match[0]):
                    yield *match.span(2 if pattern is _ASSIGNED else 0), kind


def mask(value: Any) -> tuple[Any, set[str]]:
    """The same for every text (keys stay) inside lists and mappings."""
    return (value, set()) if _clean(value) else _mask(value)


def _clean(value: Any) -> bool:
    """A quick look at the whole value: True when no text in it can match (and none needs to be mended)."""
    texts: list[str] = []
    _gather(value, texts)
    whole = "\n".join(texts)
    return _small_clean(whole) if len(whole) <= _SMALL else _text_clean(whole)


def _gather(value: Any, texts: list[str]) -> None:
    """Adds every text inside lists and mappings (keys stay out)."""
    if isinstance(value, (dict, Mapping)):  # the quick test first
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        value = (value,)
    for item in value:
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, (list, dict, tuple)) or (type(item) not in _NO_TEXT and isinstance(item, Mapping)):
            _gather(item, texts)


def _text_clean(text: str) -> bool:
    digits = _digits(text)
    if digits >= _FEW_DIGITS or text.count(":") >= _FEW_COLONS or "@" in text or any(map(text.__contains__, _BARE)):
        return False
    if ("-" in text or "_" in text) and any(map(text.__contains__, _SECRET_MARKS)):
        return False
    if digits and any(map(text.lower().__contains__, _ASSIGNED_MARKS)):
        return False
    return text.isascii() or not _BROKEN.search(text)


_NO_TEXT = frozenset({int, float, bool, type(None)})
_SMALL = 64
_small_clean = lru_cache(maxsize=4096)(_text_clean)  # votes and acts are a few small payloads, over and over


def _mask(value: Any) -> tuple[Any, set[str]]:
    if isinstance(value, str):
        return mask_text(mend(value))
    if value is None or isinstance(value, int | float):
        return value, set()
    if isinstance(value, (dict, Mapping)):  # the quick test first
        pairs = {key: _mask(item) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, {kind for _, kinds in pairs.values() for kind in kinds}
    if isinstance(value, list | tuple):
        items = [_mask(item) for item in value]
        return [item for item, _ in items], {kind for _, kinds in items for kind in kinds}
    return value, set()


def mend(text: str) -> str:
    """The text with halves of surrogate pairs joined, or replaced by U+FFFD when their other half is missing."""
    if text.isascii() or not _BROKEN.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def holds_address(text: str) -> bool:
    """True when a text that must stay as it is (an id) holds an e-mail address."""
    return "@" in text and _EMAIL.search(text) is not None


def _replacer(kind: str, real: Callable[[str], bool], found: set[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if not real(match[0]):
            return match[0]
        found.add(kind)
        return (match[1] if match.re is _ASSIGNED else "") + f"[{kind}]"
    return replace


def _is_card(text: str) -> bool:
    """The check digit of payment cards (Luhn, ISO/IEC 7812-1)."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + doubled) % 10 == 0 and len(set(digits)) > 1


def _is_public_ip(text: str) -> bool:
    """Not a private address, and not a slice of code such as ``[::2]``."""
    try:
        return ipaddress.ip_address(text).is_global and len(text) > 6
    except ValueError:
        return False


def _is_phone(text: str) -> bool:
    return 7 <= sum(char.isdigit() for char in text) <= 15


def _always(_: str) -> bool:
    return True


def _any_of(marks: tuple[str, ...], *, fold: bool = False) -> Callable[[str], bool]:
    """A quick look whether a text can match at all."""
    return lambda text: any(map((text.lower() if fold else text).__contains__, marks))


def _digits(text: str) -> int:
    return len(text.encode("utf-8", "replace").translate(None, _NO_DIGITS))


def _card_sized(text: str) -> bool:
    return _digits(text) >= 13


def _phone_sized(text: str) -> bool:
    return _digits(text) >= 7


def _dotted(text: str) -> bool:
    return (text.count(".") >= 3 and _digits(text) >= 4) or text.count(":") >= 2


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool], Callable[[str], bool]], ...] = (
    ("secret", _SECRET, _always, _any_of(_SECRET_MARKS)),
    ("secret", _ASSIGNED, _always, _any_of(_ASSIGNED_MARKS, fold=True)),
    ("email", _EMAIL, _always, lambda text: "@" in text),
    ("card", _CARD, _is_card, _card_sized),
    ("ip", _IP, _is_public_ip, _dotted),
    ("phone", _PHONE, _is_phone, _phone_sized),
)
