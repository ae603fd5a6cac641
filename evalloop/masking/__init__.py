"""Masks personal data in texts before anything touches the disk.

``forms`` finds what has a form by itself, always. ``open_masker`` gives the masker that a project's settings name:
these forms alone, or Presidio behind them (``presidio``, the one door to it).
"""

from evalloop.masking.forms import MASKER, holds_address, mask, mask_text, mend
from evalloop.masking.masker import BY_FORMS, KINDS, REGEX, Masker, Masking, open_masker

__all__ = ["BY_FORMS", "KINDS", "MASKER", "REGEX", "Masker", "Masking", "holds_address", "mask", "mask_text", "mend",
           "open_masker"]
