"""Turns a case and a variant's prompt into the messages of one call.

A prompt holds named slots, ``{{ name }}``, and nothing else: no expressions, no filters. What fills a slot is data and
is never read as a template again. Known names: the case's variables; ``input`` (the only variable, or the last user
message); ``context.KEY``; and ``messages``, which, alone in a message, stands for the case's own messages.

The templates among a target's options (the body of an HTTP request) know two names more: ``prompt``, the text of the
last message, and ``messages``, all of them. A slot alone keeps its value's type there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from evalloop.errors import ConfigError, RecordError, RecordErrors
from evalloop.records.call import Request
from evalloop.records.case import Case
from evalloop.records.variant import SLOT, SLOT_FIX, Variant, is_slot_name

Messages = tuple[Mapping[str, Any], ...]
_ALL_MESSAGES = "messages"


class Prompt:
    """The prompt of one variant, taken apart once; raises ConfigError for a slot that is not a plain name."""

    def __init__(self, variant: Variant, templates: frozenset[str] = frozenset()) -> None:
        self._params = variant.params
        self._messages = [_compile(message, variant.name) for message in variant.prompt]
        self._options = {name: _filler(variant.options[name], variant.name, whole=True)
                         for name in sorted(templates & variant.options.keys())}

    def request(self, case: Case, repeat: int = 0) -> Request:
        """The call for a case; raises RecordError, with the case's place, when a slot has no value."""
        if not self._options:
            return Request(case.id, self.render(case), self._params, repeat)
        messages = self.render(case) if self._messages or _speaks(case) else ()
        values = {**_values(case), "messages": list(messages)}
        if messages:
            values["prompt"] = messages[-1].get("content")
        options = {name: fill(case, values) for name, fill in self._options.items()}
        return Request(case.id, messages, self._params, repeat, options)

    def render(self, case: Case) -> Messages:
        """The messages for a case; raises RecordError, with the case's place, when a slot has no value."""
        if not self._messages:
            return _own_messages(case)
        values = _values(case)
        return tuple(each for message in self._messages for each in message(case, values))

    def check(self, cases: Iterable[Case]) -> None:
        """Makes every case's call once; raises RecordErrors with all problems, before anything is paid for."""
        problems = []
        for case in cases:
            try:
                self.request(case)
            except RecordError as error:
                problems.append(error)
        if problems:
            raise RecordErrors(problems)


_Filler = Callable[[Case, Mapping[str, Any]], Any]


def _compile(message: Mapping[str, Any], variant: str) -> Callable[[Case, Mapping[str, Any]], Sequence[Any]]:
    content = message.get("content")
    if isinstance(content, str) and content.replace(" ", "") == "{{messages}}":
        return lambda case, values: _case_messages(case)
    fill = _filler(message, variant)
    return lambda case, values: (fill(case, values),)


def _filler(template: Any, variant: str, *, whole: bool = False) -> _Filler:
    """What fills a template; with ``whole``, a slot alone gives its value as it is, not as text."""
    if isinstance(template, str):
        return _text_filler(template, variant, whole)
    if isinstance(template, Mapping):
        parts = {name: _filler(item, variant, whole=whole) for name, item in template.items()}
        return lambda case, values: {name: fill(case, values) for name, fill in parts.items()}
    if isinstance(template, list | tuple):
        items = [_filler(item, variant, whole=whole) for item in template]
        return lambda case, values: [fill(case, values) for fill in items]
    return lambda case, values: template


def _text_filler(template: str, variant: str, whole: bool) -> _Filler:
    pieces = SLOT.split(template)
    if len(pieces) == 1:
        return lambda case, values: template
    names = [_slot_name(text, variant) for text in pieces[1::2]]
    literals = pieces[0::2]
    if whole and literals == ["", ""]:
        return lambda case, values: _lookup(case, values, names[0])

    def fill(case: Case, values: Mapping[str, Any]) -> str:
        texts = [literals[0]]
        for name, literal in zip(names, literals[1:], strict=True):
            texts += (_text(_lookup(case, values, name)), literal)
        return "".join(texts)

    return fill


def _slot_name(text: str, variant: str) -> str:
    if not is_slot_name(text):
        raise ConfigError(f"{{{{{text}}}}} is not a named slot", file=f"variant {variant}", key="prompt", fix=SLOT_FIX)
    return text.strip()


def _lookup(case: Case, values: Mapping[str, Any], name: str) -> Any:
    try:
        return values[name]
    except KeyError:
        close = get_close_matches(name, values, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise _problem(case, f"the prompt asks for {{{{ {name} }}}}, which this case does not have",
                       f"{hint}known names: {', '.join(sorted(values)) or 'none'}") from None


def _values(case: Case) -> Mapping[str, Any]:
    variables = case.input.get("vars") or {}
    values: dict[str, Any] = {f"context.{name}": value for name, value in case.context.items()}
    values.update(variables)
    if "input" not in values:
        own = _only_text(case, variables)
        if own is not None:
            values["input"] = own
    return values


def _only_text(case: Case, variables: Mapping[str, Any]) -> Any:
    if len(variables) == 1:
        return next(iter(variables.values()))
    asked = [each.get("content") for each in case.input.get("messages") or () if each.get("role") == "user"]
    return asked[-1] if asked else None


def _speaks(case: Case) -> bool:
    """True when a case says by itself what to ask: messages, or one variable."""
    return bool(case.input.get("messages")) or len(case.input.get("vars") or {}) == 1


def _own_messages(case: Case) -> Messages:
    if case.input.get("messages"):
        return _case_messages(case)
    variables = case.input.get("vars") or {}
    if len(variables) == 1:
        return ({"role": "user", "content": _text(next(iter(variables.values())))},)
    named = " ".join(f"{{{{ {name} }}}}" for name in variables)
    raise _problem(case, f"a case with {len(variables)} variables and no messages needs a prompt",
                   f"give the variant a prompt that holds {named}" if named else "give the case vars or messages")


def _case_messages(case: Case) -> Messages:
    messages = case.input.get("messages")
    if not messages:
        raise _problem(case, f"the prompt asks for {{{{ {_ALL_MESSAGES} }}}}, but this case has none",
                       "give the case input.messages, or use its variables in the prompt")
    return tuple(messages)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _problem(case: Case, message: str, fix: str) -> RecordError:
    return RecordError(message, file=case.file or f"case {case.id}", line=case.line or 0, field="input", fix=fix)
