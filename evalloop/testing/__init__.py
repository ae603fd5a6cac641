"""The public kit for plugin authors: contracts to inherit tests from, fakes, and sample records."""

from evalloop.testing.channel import ChannelContract, make_notice
from evalloop.testing.contracts import (
    ClustererContract,
    DetectorContract,
    EmbedderContract,
    ExporterContract,
    LabelerContract,
    PlatformContract,
    RendererContract,
    SourceContract,
    TargetContract,
)
from evalloop.testing.events import make_event, make_generation
from evalloop.testing.evidence import derived_of, evidence_of, joined_of, signals_of
from evalloop.testing.fakes import (
    HOSTILE,
    INJECTIONS,
    Offline,
    Scripted,
    ServiceUsed,
    grade,
    hostile_outputs,
    make_case,
    make_context,
    no_network,
    outputs,
)
from evalloop.testing.grader import Example, GraderContract
from evalloop.testing.importer import ImporterContract
from evalloop.testing.samples import make_delta, make_report, make_run, make_trials, make_turn
from evalloop.testing.training import TrainingFormatContract, make_training_data

__all__ = [
    "HOSTILE",
    "INJECTIONS",
    "ChannelContract",
    "ClustererContract",
    "DetectorContract",
    "EmbedderContract",
    "Example",
    "ExporterContract",
    "GraderContract",
    "ImporterContract",
    "LabelerContract",
    "Offline",
    "PlatformContract",
    "RendererContract",
    "Scripted",
    "ServiceUsed",
    "SourceContract",
    "TargetContract",
    "TrainingFormatContract",
    "derived_of",
    "evidence_of",
    "grade",
    "hostile_outputs",
    "joined_of",
    "make_case",
    "make_context",
    "make_delta",
    "make_event",
    "make_generation",
    "make_notice",
    "make_report",
    "make_run",
    "make_training_data",
    "make_trials",
    "make_turn",
    "no_network",
    "outputs",
    "signals_of",
]
