"""The services of evalloop on HTTP: the collector."""

from evalloop.web.serve import serve

__all__ = ["serve"]
