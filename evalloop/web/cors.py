"""Cross-origin requests: allowed for origins that some key names, always without credentials."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, POST, OPTIONS"
HEADERS = "authorization, content-type, content-encoding, x-evalloop-sent-at"


class Cors:
    """Answers preflights, and names the origin in the answers to others. No cookie is ever read."""

    def __init__(self, app: ASGIApp, allows: Callable[[str], bool]) -> None:
        self._app = app
        self._allows = allows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        named = {"access-control-allow-origin": origin,
                 "access-control-expose-headers": "retry-after"} if self._allows(origin) else {}
        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            allowed = {"access-control-allow-methods": METHODS, "access-control-allow-headers": HEADERS,
                       "access-control-max-age": "600"} if named else {}
            await Response(status_code=204, headers={**named, **allowed, "vary": "origin"})(scope, receive, send)
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["vary"] = "origin"
                for name, value in named.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_named)
