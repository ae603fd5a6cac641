"""What a collector answers: JSON with what is wrong and how to mend it."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response


class Refused(Exception):
    """A request that is not served; becomes an answer with ``error`` and ``fix``."""

    def __init__(self, status: int, error: str, fix: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.fix = fix
        self.retry_after = retry_after


def answer(data: Any, status: int = 200, **headers: str) -> Response:
    """JSON."""
    return written(orjson.dumps(data), status, **headers)


def written(body: bytes, status: int = 200, **headers: str) -> Response:
    """JSON that is written already."""
    return Response(body, status, {"cache-control": "no-store", "x-content-type-options": "nosniff", **headers},
                    "application/json")


async def refusal(_: Request, error: Exception) -> Response:
    """The answer to a request that was refused."""
    assert isinstance(error, Refused)
    headers = {} if error.retry_after is None else {"retry-after": str(max(1, round(error.retry_after)))}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return answer({"error": error.error, "fix": error.fix}, error.status, **headers)


async def missing(request: Request, error: Exception) -> Response:
    """The answer where no route fits, or not with this method."""
    status = getattr(error, "status_code", 404)
    headers = getattr(error, "headers", None) or {}
    said = "no such address" if status == 404 else f"{request.method} is not served here"
    return answer({"error": said, "fix": "GET /openapi.json lists what there is"}, status, **headers)
