"""Every error that a user can meet, as one tree.

EvalloopError
    UsageError          wrong command line or wrong combination of options
    ConfigError         a setting is wrong: file and key
    RecordError         a record in a file is wrong: file, line, field
    RecordErrors        all record errors of one reading, gathered
    PluginError         a plugin is broken, doubled or missing: plugin and version
    TargetError         a call of a variant failed: variant
    IncompleteError     the work could not be finished (provider errors, budget)
    StoreError          the database refuses to write: a full or read-only disk, a lost connection
    EmptyError          there was nothing to do

Messages are lower case without a final stop; ``fix`` says what to do about it. Exit codes keep pytest's meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell; 0-5 keep pytest's meaning."""

    OK = 0
    GATE_FAILED = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    EMPTY = 5
    INCONCLUSIVE = 6
    INCOMPLETE = 7


class EvalloopError(Exception):
    """Base of all errors shown to a user without a traceback."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def where(self) -> str:
        """The place of the error as ``file:line`` or a name; empty when there is none."""
        return ""

    def __str__(self) -> str:
        place = self.where()
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n    fix: {self.fix}" if self.fix else text


class UsageError(EvalloopError):
    """A command line, or a combination of options, that cannot be carried out."""


class ConfigError(EvalloopError):
    """A setting with a wrong name, type or value."""

    def __init__(self, message: str, *, file: str = "", key: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.file = file
        self.key = key

    def where(self) -> str:
        return ": ".join(part for part in (self.file, self.key) if part)


class RecordError(EvalloopError):
    """One record of a file that breaks its schema."""

    def __init__(self, message: str, *, file: str = "", line: int = 0, field: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.file = file
        self.line = line
        self.field = field

    def where(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}" if self.field else place


class RecordErrors(EvalloopError):
    """All record errors of one reading, so that a user mends a file in one go."""

    def __init__(self, errors: Iterable[RecordError]) -> None:
        self.errors: Sequence[RecordError] = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class PluginError(EvalloopError):
    """A plugin that is broken, doubled, unknown or lacks an extra."""

    def __init__(self, message: str, *, plugin: str = "", version: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.plugin = plugin
        self.version = version

    def where(self) -> str:
        return f"plugin {self.plugin} {self.version}".strip() if self.plugin else ""


class TargetError(EvalloopError):
    """A call of a variant that failed: not a quality loss, never a pass.

    ``retryable``: trying again may help; ``retry_after``: seconds the server asks to wait; ``limited``: the server
    asks for fewer calls (429), so that all calls slow down; ``fatal``: no call of this variant can succeed (a wrong
    key, an unknown model), so that the run stops.
    """

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, *, variant: str = "", retryable: bool = False, retry_after: float | None = None,
                 limited: bool = False, fatal: bool = False, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.variant = variant
        self.retryable = retryable
        self.retry_after = retry_after
        self.limited = limited
        self.fatal = fatal

    def where(self) -> str:
        return f"variant {self.variant}" if self.variant else ""


class IncompleteError(EvalloopError):
    """Work that stopped before its end and can be resumed."""

    exit_code = ExitCode.INCOMPLETE


class StoreError(EvalloopError):
    """The database cannot be written or read; nothing of the transaction was stored.

    ``lasting``: any other write would fail likewise (a full or read-only disk, no connection).
    """

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, *, lasting: bool = False, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.lasting = lasting


class EmptyError(EvalloopError):
    """A command that found nothing to work on."""

    exit_code = ExitCode.EMPTY
