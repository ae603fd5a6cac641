"""Vectors kept by the hash of their text, memory-mapped: what was embedded once is read from the disk."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.store.files import private_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

KEY_BYTES = 16


class VectorStore:
    """Rows of one embedder in one folder, appended and never changed.

    ``keys.bin`` holds a key of 16 bytes for each row of ``rows.f32``. A row that was cut short by a dying process is
    not counted, and is overwritten by the next.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = private_folder(folder)
        self._keys, self._rows, self._about = folder / "keys.bin", folder / "rows.f32", folder / "about.json"

    @property
    def width(self) -> int:
        """Numbers in a row; 0 while the store is empty."""
        return int(json.loads(self._about.read_text())["width"]) if self._about.is_file() else 0

    def __len__(self) -> int:
        if not self.width or not self._keys.is_file() or not self._rows.is_file():
            return 0
        return min(self._keys.stat().st_size // KEY_BYTES, self._rows.stat().st_size // (4 * self.width))

    def find(self, keys: Sequence[bytes]) -> tuple[NDArray[np.int64], Vectors]:
        """The row number of each key (-1: not there), and all rows, memory-mapped."""
        import numpy as np

        count = len(self)
        if not count:
            return np.full(len(keys), -1, np.int64), np.zeros((0, 1), np.float32)
        raw = self._keys.read_bytes()[: count * KEY_BYTES]
        place = {raw[start : start + KEY_BYTES]: row for row, start in enumerate(range(0, len(raw), KEY_BYTES))}
        rows = np.memmap(self._rows, np.float32, "r", shape=(count, self.width))
        return np.array([place.get(key, -1) for key in keys], np.int64), rows

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Appends rows; ValueError when they are not as wide as those that are there."""
        import numpy as np

        if not len(keys):
            return
        width = vectors.shape[1]
        if self.width not in (0, width):
            raise ValueError(f"rows of {width} numbers do not fit to rows of {self.width}")
        count = len(self)
        if not self.width:
            write_text(self._about, json.dumps({"width": width}), private=True)
        for path, size, data in ((self._rows, 4 * width, np.ascontiguousarray(vectors, np.float32).tobytes()),
                                 (self._keys, KEY_BYTES, b"".join(keys))):
            path.touch(mode=0o600)
            with path.open("r+b") as file:
                file.seek(count * size)
                file.write(data)
                file.truncate()

    def keep_only(self, keys: Collection[bytes]) -> int:
        """Forgets all rows but those of these keys; how many went."""
        import numpy as np

        count = len(self)
        raw = self._keys.read_bytes()[: count * KEY_BYTES] if count else b""
        own = [raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES)]
        kept = [row for row, key in enumerate(own) if key in keys]
        if len(kept) < count:
            rows = np.array(np.memmap(self._rows, np.float32, "r", shape=(count, self.width))[kept])
            self.clear()
            self.add([own[row] for row in kept], rows)
        return count - len(kept)

    def clear(self) -> None:
        """Forgets all rows."""
        for path in (self._about, self._keys, self._rows):
            path.unlink(missing_ok=True)


def key_of(text: str, salt: bytes = b"") -> bytes:
    """The key of a text; ``salt`` sets apart what the same text gives in other circumstances."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES, key=salt[:64]).digest()
