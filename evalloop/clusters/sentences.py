"""Embeddings of a local model by sentence-transformers (the extra ``embeddings``); on a GPU where there is one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalloop.clusters.text import READ_LIMIT, comparable
from evalloop.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
BATCH, GPU_BATCH = 64, 512
"""Texts at once on the processor and on a GPU."""


class SentenceEmbedder:
    """Vectors of a sentence-transformers model: a name on the hub, or a folder; loaded at the first text.

    ``batch`` texts go through the model at once; 0 chooses by what it runs on.
    """

    name = "sentence-transformers"
    version = "1"

    def __init__(self, model: str = MODEL, *, batch: int = 0) -> None:
        self.model = model
        self.batch = batch

    def with_model(self, model: str, base_url: str | None = None) -> SentenceEmbedder:
        """The same embedder with another model; ``base_url`` has no meaning here."""
        return SentenceEmbedder(model, batch=self.batch)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, n x d, float32, rows of length 1 (0 for a text without content)."""
        import numpy as np

        shown = [text[:READ_LIMIT].encode("utf-8", "replace").decode() if comparable(text) else "" for text in texts]
        distinct = sorted({text for text in shown if text})
        if not distinct:
            return np.zeros((len(texts), 1), np.float32)
        batch = self.batch or (BATCH if self._loaded.device.type == "cpu" else GPU_BATCH)
        known = np.asarray(self._loaded.encode(distinct, batch_size=batch, normalize_embeddings=True,
                                               show_progress_bar=False), np.float32)
        rows = {text: row for row, text in enumerate(distinct)}
        padded = np.vstack([known, np.zeros((1, known.shape[1]), np.float32)])
        return np.asarray(padded[[rows.get(text, len(distinct)) for text in shown]])

    @cached_property
    def _loaded(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise ConfigError("the embedder sentence-transformers is not installed", key="embedder",
                              fix="python -m pip install 'evalloop-harness[embeddings]'") from None
        try:
            return SentenceTransformer(self.model)
        except (OSError, ValueError) as error:
            raise ConfigError(f"the model {self.model!r} cannot be loaded: {str(error).splitlines()[0]}",
                              key="embedding_model", fix="give a name on the hub, or the folder of a model") from None
