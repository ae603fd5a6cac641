"""Embedders: the offline default, which learns from the corpus itself, and embeddings of a model provider."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evalloop.clusters.text import READ_LIMIT, comparable
from evalloop.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

FIT_LIMIT = 50_000
BATCH = 20_000


class OfflineEmbedder:
    """Vectors without a model or a download; the same texts give the same vectors in any order.

    TF-IDF -> SVD joined with word vectors of the corpus, refitted at each call: vectors of two calls do not compare.
    It wants a corpus; from about 20 texts upward the vectors mean something, below a few hundred a model does better.
    """

    name = "offline"
    version = "1"
    fitted = True

    def __init__(self, *, fit_limit: int = FIT_LIMIT, seed: int = 0) -> None:
        self.fit_limit = fit_limit
        self.seed = seed

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, n x d, float32, rows of length 1; the row of a text without content is zero."""
        import numpy as np

        forms = [comparable(text) for text in texts]
        corpus = sorted(set(forms) - {""})
        if not corpus:
            return np.zeros((len(texts), 1), np.float32)
        model = self._fit(corpus)
        place = {form: row for row, form in enumerate(corpus)}
        where = np.array([place.get(form, len(corpus)) for form in forms], np.int64)
        order = np.argsort(where, kind="stable")
        vectors: Vectors | None = None
        for start in range(0, len(corpus), BATCH):
            part = model.transform(corpus[start : start + BATCH])
            if vectors is None:
                vectors = np.zeros((len(texts), part.shape[1]), np.float32)
            low, high = np.searchsorted(where[order], (start, start + len(part)))
            vectors[order[low:high]] = part[where[order[low:high]] - start]
        assert vectors is not None
        return vectors

    def _fit(self, corpus: list[str]) -> Any:
        from evalloop.clusters.latent import CorpusVectors

        if len(corpus) > self.fit_limit:
            corpus = sorted(random.Random(self.seed).sample(corpus, self.fit_limit))
        return CorpusVectors(corpus, seed=self.seed)


class LitellmEmbedder:
    """Embeddings of a provider's model, each distinct text sent once; texts without content are not sent."""

    name = "litellm"
    version = "1"

    def __init__(self, model: str = "", *, base_url: str | None = None, batch: int = 256) -> None:
        self.model = model
        self.base_url = base_url
        self.batch = batch

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, n x d, float32, rows of length 1; raises TargetError. Not to be called inside a loop."""
        import numpy as np

        if not self.model:
            raise ConfigError("the embedder litellm needs a model", key="embedding_model",
                              fix="set embedding_model in evalloop.toml, such as text-embedding-3-small")
        distinct = sorted({text for text in texts if comparable(text)})
        if not distinct:
            return np.zeros((len(texts), 1), np.float32)
        known = np.asarray(asyncio.run(self._fetch(distinct)), dtype=np.float32)
        known /= np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
        rows = {text: row for row, text in enumerate(distinct)}
        padded = np.vstack([known, np.zeros((1, known.shape[1]), np.float32)])
        return np.asarray(padded[[rows.get(text, len(distinct)) for text in texts]])

    def with_model(self, model: str, base_url: str | None = None) -> LitellmEmbedder:
        """The same embedder with another model."""
        return LitellmEmbedder(model, base_url=base_url, batch=self.batch)

    async def _fetch(self, texts: list[str]) -> list[list[float]]:
        from evalloop import model

        rows: list[list[float]] = []
        try:
            for start in range(0, len(texts), self.batch):
                part = [text[: 4 * READ_LIMIT] for text in texts[start : start + self.batch]]
                rows += await model.embed(part, self.model, base_url=self.base_url)
        finally:
            await model.close()
        return rows
