"""The language of a text, the same in every run: langdetect's detector with a fixed seed."""

from __future__ import annotations

from functools import lru_cache

LONGEST = 1000
"""Characters that are looked at."""


@lru_cache(maxsize=100_000)
def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the likeliest language; None when the text has no letters to tell it by."""
    from langdetect import DetectorFactory, detect_langs
    from langdetect.lang_detect_exception import LangDetectException

    DetectorFactory.seed = 0
    try:
        return str(detect_langs(text[:LONGEST])[0].lang)
    except LangDetectException:
        return None
