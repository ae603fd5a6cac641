"""What all records share: a way into JSON and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self

from evalloop.errors import RecordError

_LEAVES = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """``value`` as JSON types: records become dicts without None, tuples become lists."""
    kind: type = type(value)
    if kind in _LEAVES:
        return value
    if isinstance(value, Record):
        names, items = _reader(kind)
        return {name: item if type(item) in _LEAVES else plain(item)
                for name, item in zip(names, items(value), strict=True) if item is not None}
    if kind is dict or isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


class Record:
    """Base of the frozen dataclasses in this package.

    ``NESTED`` names fields that hold records: ``{"grades": Grade}`` builds each item of a list (or the one mapping)
    with that class when a record is read back.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {}

    def to_dict(self) -> dict[str, Any]:
        """This record as plain JSON types, without the fields that are None."""
        result: dict[str, Any] = plain(self)
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record that ``to_dict`` wrote; unknown keys are ignored. RecordError when a field is missing."""
        kind: type = cls
        shape = _shape(kind)
        given = {name: cls._build(name, shape[name], item) for name, item in data.items() if name in shape}
        for name, field in shape.items():
            if field.required and name not in given:
                if not field.optional:
                    raise RecordError(f"a {cls.__name__.lower()} needs {name!r}", field=name, fix=f"add {name}")
                given[name] = None
        return cls(**given)

    @classmethod
    def _build(cls, name: str, shape: _Field, item: Any) -> Any:
        """A list becomes a tuple only where the field is one: ``Case.expected`` may be a list."""
        kind = cls.NESTED.get(name)
        if shape.listed and isinstance(item, list):
            return tuple(kind.from_dict(each) if kind else each for each in item)
        return kind.from_dict(item) if kind and isinstance(item, Mapping) else item


class _Field(NamedTuple):
    """What reading needs to know of a field: no default, may be None, is a tuple."""

    required: bool
    optional: bool
    listed: bool


@cache
def _reader(kind: type) -> tuple[tuple[str, ...], Callable[[Any], Sequence[Any]]]:
    """The names of the fields, and what reads them all at once."""
    names = tuple(_shape(kind))
    return names, attrgetter(*names) if len(names) > 1 else lambda record: [getattr(record, name) for name in names]


@cache
def _shape(kind: type) -> dict[str, _Field]:
    return {each.name: _Field(each.default is MISSING and each.default_factory is MISSING, "None" in str(each.type),
                              "tuple[" in str(each.type)) for each in fields(kind)}
