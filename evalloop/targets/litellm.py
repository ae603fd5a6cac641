"""Target ``litellm``: any model that litellm knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalloop import model
from evalloop.contracts import Services
from evalloop.errors import ConfigError
from evalloop.records.call import Price, Reply, Request, price_of
from evalloop.records.variant import Variant
from evalloop.targets.wire import MODEL_OPTIONS, priced


class LitellmTarget:
    """Calls ``variant.model`` with ``variant.params`` through litellm; keys come from the environment."""

    name = "litellm"
    version = "1"
    schema: Mapping[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "base_url": {"type": "string", "description": "address of an OpenAI-compatible server that needs no key"},
            **MODEL_OPTIONS,
        },
    }

    def price(self, variant: Variant) -> Price | None:
        """The variant's own price, or that of litellm's table."""
        known = None if variant.options.get("base_url") else model.price(str(variant.model))
        return price_of(variant.options) or known

    def open(self, variant: Variant, services: Services) -> LitellmCaller:
        """A caller for the variant's model."""
        if not variant.model:
            raise ConfigError("the variant names no model", file=f"variant {variant.name}", key="model",
                              fix="model: provider/name, as litellm calls it")
        model.check(variant.model, variant.params, f"variant {variant.name}")
        return LitellmCaller(variant.model, variant.options)


class LitellmCaller:
    """One model."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._name = name
        self._options = options

    async def call(self, request: Request) -> Reply:
        """One answer."""
        reply = await model.complete(request.messages, self._name, request.params,
                                     base_url=self._options.get("base_url"), stream=self._options.get("stream", False))
        return priced(reply, self._options)

    async def close(self) -> None:
        """Gives back connections."""
        await model.close()
