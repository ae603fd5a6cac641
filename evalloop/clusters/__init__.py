"""Clusters: failures become named themes with stable ids and shares with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.contracts import Clusterer, Embedder, Labeler


@hookimpl
def evalloop_embedders() -> list[Embedder]:
    """The default, which needs no download; those of a provider; those of a local model."""
    from evalloop.clusters.embed import LitellmEmbedder, OfflineEmbedder
    from evalloop.clusters.sentences import SentenceEmbedder

    return [OfflineEmbedder(), LitellmEmbedder(), SentenceEmbedder()]


@hookimpl
def evalloop_clusterers() -> list[Clusterer]:
    """The default, and two that other tools use."""
    from evalloop.clusters.group import LeidenClusterer
    from evalloop.clusters.other_clusterers import HdbscanClusterer, KMeansClusterer

    return [LeidenClusterer(), HdbscanClusterer(), KMeansClusterer()]


@hookimpl
def evalloop_labelers() -> list[Labeler]:
    """The labeler that needs no model; the other is made where a model is configured."""
    from evalloop.clusters.label import PhraseLabeler

    return [PhraseLabeler()]
