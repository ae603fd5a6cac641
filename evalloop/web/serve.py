"""Runs the collector with uvicorn until it is told to stop; then everything that waits is written."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from evalloop.errors import UsageError
from evalloop.masking import Masking
from evalloop.store.events import EventStore

if TYPE_CHECKING:
    from evalloop.capture.webhooks import Webhook


def serve(store: EventStore, salt: bytes, *, host: str, port: int, body: int, address_rate: float,
          webhooks: Mapping[str, Webhook], workers: int, masking: Masking,
          ready: Callable[[str], None] | None = None) -> None:
    """Serves until SIGINT or SIGTERM; ``ready`` hears the address once requests are taken. ``body`` is in bytes,
    ``workers`` are the processes that check, mask and store events. EvalloopError when they cannot."""
    try:
        import uvicorn

        from evalloop.web.collector import Collector, CollectorSettings
        from evalloop.web.routes import make_app
    except ImportError as error:
        raise UsageError(f"the collector needs {error.name}",
                         fix="python -m pip install 'evalloop-harness[serve]'") from None

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await collector.workers.start()  # here, so that what they lack is told as any error is
            await super().startup(sockets)
            if ready is not None and self.started:
                name = self.servers[0].sockets[0].getsockname()
                ready(f"http://{f'[{name[0]}]' if ':' in name[0] else name[0]}:{name[1]}")

    collector = Collector(store, salt, CollectorSettings(body=body, address_rate=address_rate, webhooks=webhooks,
                                                         workers=workers, masking=masking))
    config = uvicorn.Config(make_app(collector), host=host, port=port, log_level="warning", access_log=False,
                            server_header=False, date_header=False, timeout_graceful_shutdown=20, backlog=1024)
    server = Server(config)
    try:
        server.run()
    except KeyboardInterrupt:  # uvicorn raises the signal again that it has heeded
        if not server.should_exit:
            raise
