"""Client: what a product holds to hand its events to a collector."""

from __future__ import annotations

import atexit
import hashlib
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, Unpack, overload

import evalloop
from evalloop.capture.client.completions import DELAYS, Completion
from evalloop.capture.client.events import About, Handed, event_id, make, plain
from evalloop.capture.client.feedback import Feedback, quiet
from evalloop.capture.client.generation import Generation
from evalloop.capture.client.sender import Limits, Sender
from evalloop.capture.client.tracing import traced
from evalloop.capture.client.transport import Transport
from evalloop.capture.values import pseudonym
from evalloop.masking import REGEX, Masking, open_masker

F = TypeVar("F", bound=Callable[..., Any])
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ABOUT: ContextVar[Mapping[str, Any]] = ContextVar("evalloop_about", default=_NOTHING)
_LAST: ContextVar[str | None] = ContextVar("evalloop_last_response", default=None)
_CLIENTS: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(Feedback):
    """Hands events to a collector from a thread of its own; never blocks and never breaks the product.

    ``url`` and ``key``: of the collector (default: EVALLOOP_URL, EVALLOOP_KEY); without a url the client does nothing.
    ``salt``: the project's secret for user ids (default: EVALLOOP_SALT); without one, users are left out.
    ``folder``: where events wait until the collector has them (default: in the user's state folder); None: in memory.
    ``app``, ``environment``, ``release`` and ``context`` stand on every event; ``consent`` where an event names none.
    ``content`` False leaves the texts of generations out. ``masking`` chooses another masker than the forms alone; what
    that lacks is raised here, at the start. ``strict`` raises what is swallowed otherwise: for tests.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, salt: str | bytes | None = None,
                 app: str | None = None, environment: str | None = None, release: str | None = None,
                 context: Mapping[str, Any] | None = None, consent: Mapping[str, Any] | Sequence[str] | None = None,
                 folder: str | Path | None = "", content: bool = True, limits: Limits | None = None,
                 masking: Masking | None = None, timeout: float = 10.0, strict: bool = False) -> None:
        url = os.environ.get("EVALLOOP_URL", "") if url is None else url
        key = os.environ.get("EVALLOOP_KEY", "") if key is None else key
        salt = os.environ.get("EVALLOOP_SALT", "") if salt is None else salt
        self._salt = (salt.encode() if isinstance(salt, str) else salt) or None
        given = {"app": app, "environment": environment, "release": release, **(context or {})}
        self._context = {name: str(value) for name, value in given.items() if value is not None}
        self._consent, self._strict, self.content, self.enabled = plain(consent), strict, content, bool(url)
        self._agent = f"evalloop-python/{evalloop.__version__}"
        transport = Transport(url or "http://localhost", key, timeout, self._agent)
        place = (_state_folder(url, key) if folder == "" else Path(folder) if folder else None) if url else None
        masker = open_masker(masking) if masking and url else REGEX
        self._sender = Sender(transport, place, lambda handed: make(handed, self._salt, masker), limits or Limits())
        self._at_exit = weakref.ref(self)
        _CLIENTS.add(self)
        atexit.register(_close, self._at_exit)

    # ---- handing over ------------------------------------------------------------------------------------------------

    @quiet
    def event(self, event_type: str, payload: Mapping[str, Any] | None = None, *, source: str = "end_user",
              links: Mapping[str, Any] | None = None, ask: Mapping[str, Any] | None = None, detector: str | None = None,
              event_id: str | None = None, at: float | None = None, response: str | None = None,
              **about: Unpack[About]) -> str:
        """Hands over one event of any type and gives its id; ``at`` is in seconds since 1970 (default: now)."""
        name = event_id or _new_id()
        if not self.enabled:
            return name
        told = self._told(response, about)
        if self._salt is None and told.get("user") is not None:
            self._sender.count("users_left_out")
            self._sender.tell_once("no salt, so users are left out of events: set EVALLOOP_SALT")
        origin = {"kind": source, "sdk": self._agent}
        if detector:
            origin["detector"] = detector
        self._sender.put(Handed(name, event_type, time.time() if at is None else at, origin, told,
                                plain(payload) if payload else _NOTHING, plain(links) if links else _NOTHING,
                                plain(ask) if ask else _NOTHING))
        return name

    def _told(self, response: str | None, about: About) -> dict[str, Any]:
        """What is said here, over what the surrounding ``session`` says, over what stands on every event."""
        told: dict[str, Any] = {**_ABOUT.get(), **about, "response": response}
        context = told.get("context")
        told["context"] = {**self._context, **plain(context)} if context else self._context
        if told.get("segment"):
            told["segment"] = plain(told["segment"])
        if "consent" in told:
            told["consent"] = plain(told["consent"])
        elif self._consent is not None:
            told["consent"] = self._consent
        return told

    def generation(self, *, model: str | None = None, input: Any = None, provider: str | None = None,
                   regenerate_of: str | None = None, response: str | None = None,
                   **about: Unpack[About]) -> Generation:
        """One answer of a model, as a context manager (``with`` and ``async with``); see ``Generation``."""
        return Generation(self, model=model, input=input, provider=provider, regenerate_of=regenerate_of,
                          response=response, about={**_ABOUT.get(), **about})

    @overload
    def trace(self, function: F, /) -> F: ...
    @overload
    def trace(self, /, *, model: str | None = None, provider: str | None = None) -> Callable[[F], F]: ...
    def trace(self, function: Any = None, /, *, model: str | None = None, provider: str | None = None) -> Any:
        """A decorator: each call of the function (plain, async, generator) is a generation of what it returns."""
        def wrap(inner: F) -> F:
            return traced(self, inner, model=model, provider=provider)
        return wrap if function is None else wrap(function)

    def completion(self, text: str, response: str | None = None, *, branch: Callable[[], str | None] | None = None,
                   delays: Sequence[float] = DELAYS, content: bool = False, **about: Unpack[About]) -> Completion:
        """A suggestion that an editor shows now; ``branch`` gives the name of the checked out branch.

        ``content`` True sends what the text became along with the figures, for training pairs.
        """
        return Completion(self, text, response or _new_id(), branch=branch, delays=delays, content=content,
                          about=dict(about))

    def openai(self, client: Any) -> Any:
        """Makes an ``openai.OpenAI`` or ``AsyncOpenAI`` client report its chat completions; gives it back."""
        from evalloop.capture.client.openai import watch

        return watch(self, client)

    def litellm(self) -> Any:
        """A callback for litellm: ``litellm.callbacks = [client.litellm()]``."""
        from evalloop.capture.client.litellm import callback

        return callback(self)

    @contextmanager
    def session(self, name: str | None = None, /, **about: Unpack[About]) -> Iterator[None]:
        """Within it (also in async code), events speak of this session, user and so on without being told."""
        token = _ABOUT.set({**_ABOUT.get(), **about, **({} if name is None else {"session": name})})
        try:
            yield
        finally:
            _ABOUT.reset(token)

    def last_response(self) -> str | None:
        """The id of the generation that ended last in this thread or task."""
        return _LAST.get()

    def ended(self, response: str) -> None:
        """Notes the generation that ended last; called by ``Generation``."""
        _LAST.set(response)

    def user_key(self, user: str) -> str | None:
        """What stands in events for a user: for a page that reports by itself. None without a salt."""
        return pseudonym(self._salt, user) if self._salt else None

    # ---- its life ----------------------------------------------------------------------------------------------------

    def flush(self, timeout: float = 5.0) -> bool:
        """Sends all that was handed over; False when that was not possible in time (it stays in the outbox)."""
        return self._sender.flush(timeout) if self.enabled else True

    async def aflush(self, timeout: float = 5.0) -> bool:
        """``flush`` for async code."""
        from asyncio import to_thread

        return await to_thread(self.flush, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flushes and ends the thread; called at the end of the process by itself."""
        if self.enabled:
            self._sender.close(timeout)
        atexit.unregister(self._at_exit)

    def stats(self) -> dict[str, Any]:
        """Counts (captured, sent, retries, refused, dropped, errors ...), what is queued and waiting, and where."""
        zero = dict.fromkeys(("captured", "sent", "adopted", "retries", "refused", "dropped", "too_large", "errors"), 0)
        return {"enabled": self.enabled, **zero, **self._sender.stats()}

    def failed(self, error: Exception) -> None:
        """Counts an error of the client itself; raises it when the client is strict."""
        if self._strict:
            raise error
        self._sender.count("errors")
        self._sender.tell_once(f"an event was not captured: {error!r}")

    def skipped(self, name: str) -> None:
        """Counts what was left out on purpose."""
        self._sender.count(name)

    def forked(self) -> None:
        """Begins anew in a forked child."""
        self._sender.reset()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        from asyncio import to_thread

        await to_thread(self.close)


_new_id = event_id


def _state_folder(url: str, key: str) -> Path | None:
    """A folder for this collector and key, so that products on one machine do not mix."""
    name = hashlib.sha256(f"{url}\0{key}".encode()).hexdigest()[:16]
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / ".local" / "state") / "evalloop" / "outbox" / name
    except RuntimeError:
        return None


def _close(reference: weakref.ref[Client]) -> None:
    client = reference()
    if client is not None:
        client.close(2.0)


def _after_fork() -> None:
    for client in list(_CLIENTS):
        client.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
