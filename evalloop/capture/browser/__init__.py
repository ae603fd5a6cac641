"""The modules for pages, served as they are: ``evalloop.js`` reports, ``evalloop-feedback.js`` asks."""

from __future__ import annotations

from importlib.resources import files

SCRIPTS = ("evalloop.js", "evalloop-feedback.js")


def script(name: str) -> bytes:
    """The text of one of ``SCRIPTS``, for the address that pages load it from."""
    if name not in SCRIPTS:
        raise KeyError(name)
    return files("evalloop.capture.browser").joinpath(name).read_bytes()
