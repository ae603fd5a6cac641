"""A callback for litellm: every completion that litellm makes, streamed or not, sync or async, becomes a generation.

litellm is not imported here: whoever asks for its callback has it loaded already.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalloop.capture.client.openai import take_answer
from evalloop.errors import UsageError

if TYPE_CHECKING:
    from evalloop.capture.client.client import Client

ABOUT = ("session", "user", "message", "turn", "task", "trace", "span", "segment", "consent", "context")
CALLS = ("completion", "acompletion", "")


def callback(client: Client) -> Any:
    """An object for ``litellm.callbacks``; ``metadata={"evalloop": {"session": ..., "user": ...}}`` says whose call."""
    module = sys.modules.get("litellm.integrations.custom_logger")
    if module is None:
        raise UsageError("litellm is not loaded", fix="import litellm before client.litellm()")
    made = type("EvalloopCallback", (_Reporter, module.CustomLogger), {})(client)
    return made


class _Reporter:
    """The methods that litellm calls; each reports one generation and raises nothing."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._report(kwargs, response_obj, start_time, end_time)

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._report(kwargs, None, start_time, end_time)

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._report(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._report(kwargs, None, start_time, end_time)

    def _report(self, call: Mapping[str, Any], answer: Any, began: Any, ended: Any) -> None:
        try:
            if str(call.get("call_type") or "") in CALLS:
                _one(self._client, call, answer, began, ended)
        except Exception as error:
            self._client.failed(error)


def _one(client: Client, call: Mapping[str, Any], answer: Any, began: Any, ended: Any) -> None:
    given = call.get("litellm_params") or {}
    told = (given.get("metadata") or {}).get("evalloop") or {}
    about: Any = {key: value for key, value in dict(told).items() if key in ABOUT}
    generation = client.generation(model=call.get("model"), input=call.get("messages"),
                                   provider=given.get("custom_llm_provider"), **about)
    if answer is not None:
        take_answer(generation, answer)
    error = call.get("exception")
    generation.took(began.timestamp(), ended.timestamp())
    generation.end(error if isinstance(error, BaseException) else None)
