"""Variant: what is compared - a prompt template with a model and its parameters, or any callable."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalloop.records.base import Record

SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
SLOT_FIX = "write {{ name }}; slots hold no expressions and no filters"
_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")


def is_slot_name(text: str) -> bool:
    """True for what may stand in a slot: ``name`` or ``context.name``."""
    return bool(_NAME.fullmatch(text.strip()))


@dataclass(frozen=True)
class Variant(Record):
    """How an output is made.

    ``target`` names the target plugin; ``prompt`` is a list of messages whose contents may hold ``{{ name }}`` slots
    (empty: the case's own messages, or its only variable, are sent as they are); ``params`` go to the model;
    ``options`` are the target's own (base_url, path, callable ...).
    """

    name: str
    target: str
    model: str | None = None
    prompt: tuple[Mapping[str, Any], ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """A hash of the content: two variants with another name but the same content share it."""
        content = {key: value for key, value in self.to_dict().items() if key != "name"}
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return "v-" + hashlib.sha256(text.encode()).hexdigest()[:16]
