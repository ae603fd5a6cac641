"""Messages between a collector and its workers, over a pair of sockets."""

from __future__ import annotations

import select
import socket
from typing import Any

from evalloop.store.messages import SIZE, packed, unpacked

_PIECE = 1 << 18


class Channel:
    """One end, for a process that does one thing at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()
        self._piece = memoryview(bytearray(_PIECE))

    def send(self, message: Any) -> None:
        """Sends a message; nothing happens when nobody is there any more."""
        try:
            self._socket.sendall(packed(message))
        except OSError:
            return

    def wait(self) -> Any:
        """The next message, None when the other end is closed."""
        while (message := self._next()) is None:
            if not self._read():
                return None
        return message

    def ready(self) -> Any:
        """The next message if it is here already, else None."""
        while select.select([self._socket], [], [], 0)[0] and self._read():
            if len(self._buffer) > _PIECE:
                break
        return self._next()

    def _read(self) -> int:
        try:
            number = self._socket.recv_into(self._piece)
        except OSError:
            return 0
        self._buffer += self._piece[:number]
        return number

    def _next(self) -> Any:
        if len(self._buffer) < SIZE.size:
            return None
        end = SIZE.size + SIZE.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        body = bytes(memoryview(self._buffer)[SIZE.size:end])
        del self._buffer[:end]
        return unpacked(body)
