"""Target ``replay``: outputs that were recorded earlier, from a JSON Lines file. No model, no network, nothing paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalloop.contracts import Services
from evalloop.errors import ConfigError, RecordError, TargetError
from evalloop.records.call import Reply, Request
from evalloop.records.variant import Variant
from evalloop.store.files import read_jsonl
from evalloop.targets.wire import project_file


class ReplayTarget:
    """Answers each case with its recorded output; several rows of one key are its repeats, in file order."""

    name = "replay"
    version = "1"
    cacheable = False
    schema: Mapping[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["path"],
        "properties": {
            "path": {"type": "string", "description": ".jsonl or .jsonl.gz file under the project folder"},
            "key": {"type": "string", "default": "id", "description": "field that tells the case, as in meta.id"},
            "case_key": {"type": "string", "pattern": r"\{key\}", "default": "{key}",
                         "description": 'the case id that belongs to a key, such as "ifeval-{key}"'},
            "output": {"type": "string", "default": "output", "description": "field with the text, as in reply.text"},
        },
    }

    def open(self, variant: Variant, services: Services) -> ReplayCaller:
        """A caller with the whole recording; raises ConfigError or RecordError when it cannot be read."""
        options = variant.options
        place = f"variant {variant.name}"
        path = project_file(services.root, str(options.get("path", "")), place, "options.path")
        if not path.is_file():
            raise ConfigError(f"no recording at {path}", file=place, key="options.path",
                              fix="a .jsonl or .jsonl.gz file, relative to the project folder")
        outputs: dict[str, list[str | None]] = {}
        template = str(options.get("case_key", "{key}"))
        for line, row in read_jsonl(path):
            key = _field(row, str(options.get("key", "id")), str(path), line)
            text = _field(row, str(options.get("output", "output")), str(path), line)
            outputs.setdefault(template.replace("{key}", str(key)), []).append(None if text is None else str(text))
        return ReplayCaller(variant, outputs)


class ReplayCaller:
    """The recorded outputs by case id."""

    def __init__(self, variant: Variant, outputs: Mapping[str, list[str | None]]) -> None:
        self._variant = variant
        self._outputs = outputs

    async def call(self, request: Request) -> Reply:
        """The recorded output; raises TargetError when there is none for this case and repeat."""
        texts = self._outputs.get(request.case_id, [])
        if request.repeat >= len(texts):
            raise self._missing(request, len(texts))
        text = texts[request.repeat]
        if text is None:
            raise TargetError(f"the recorded output of case {request.case_id} is null", variant=self._variant.name)
        return Reply(text, model=self._variant.model, cost=0.0, latency_s=0.0)

    async def close(self) -> None:
        """Nothing to give back."""

    def _missing(self, request: Request, recorded: int) -> TargetError:
        name = self._variant.name
        if recorded:
            return TargetError(f"case {request.case_id} was recorded {recorded} times, repeat {request.repeat + 1} is "
                               "not there", variant=name, fix=f"use --repeats {recorded} or fewer")
        return TargetError(f"no recorded output of case {request.case_id}", variant=name,
                           fix="check options.key and options.case_key, or record the case")


def _field(row: Mapping[str, Any], path: str, file: str, line: int) -> Any:
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise RecordError(f"the row has no field {path!r}", file=file, line=line, field=path,
                              fix=f"fields of this row: {', '.join(map(str, row))}")
        value = value[part]
    return value
