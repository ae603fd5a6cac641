"""Messages between processes of one program: eight bytes of length, then a pickle."""

from __future__ import annotations

import pickle
import struct
from typing import Any

SIZE = struct.Struct("!Q")
"""The length of what follows."""


def packed(message: Any) -> bytes:
    """The bytes of a message."""
    body = pickle.dumps(message, protocol=5)
    return SIZE.pack(len(body)) + body


def unpacked(body: bytes | bytearray | memoryview) -> Any:
    """The message in the bytes after its length."""
    return pickle.loads(body)  # noqa: S301  # both ends are one program
