"""An embedder that embeds nothing twice: vectors are kept by the content of their text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from evalloop.contracts import Embedder
from evalloop.store.vectors import VectorStore, key_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

CHUNK = 2_048


class KeptEmbedder:
    """Another embedder with its vectors on disk; ``progress`` hears (done, all) texts that had to be embedded.

    An embedder whose vectors depend on the whole batch (``fitted``) is asked again for any other batch, and only the
    last batch is kept. Of any other, each text is kept for good, and what a stopped run embedded is not embedded again.
    """

    def __init__(self, inner: Embedder, store: VectorStore, progress: Callable[[int, int], None] | None = None) -> None:
        self.inner, self._store, self._progress = inner, store, progress or (lambda done, total: None)
        self.name, self.version, self.fitted = inner.name, inner.version, getattr(inner, "fitted", False)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, n x d, float32, rows of length 1."""
        if not len(texts):
            return self.inner.embed(texts)
        return self._batch(texts) if self.fitted else self._each(texts)

    def _each(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        keys = [key_of(text) for text in texts]
        rows, _ = self._store.find(keys)
        missing = sorted({keys[int(place)]: texts[int(place)] for place in np.flatnonzero(rows < 0)}.items())
        for start in range(0, len(missing), CHUNK):
            part = missing[start : start + CHUNK]
            self._store.add([key for key, _ in part], self.inner.embed([text for _, text in part]))
            self._progress(start + len(part), len(missing))
        rows, kept = self._store.find(keys)
        return np.asarray(kept[rows], np.float32)

    def _batch(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        digest = blake2b(b"".join(sorted(key_of(text) for text in texts)), digest_size=32).digest()
        keys = [key_of(text, digest) for text in texts]
        rows, kept = self._store.find(keys)
        if (rows >= 0).all():
            return np.asarray(kept[rows], np.float32)
        vectors = self.inner.embed(texts)
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        self._store.clear()
        self._store.add(list(first), vectors[list(first.values())])
        self._progress(len(texts), len(texts))
        return vectors
