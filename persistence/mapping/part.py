"""Parts of a mapping: what is made of an entry, unconditionally or by one rule."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from engine.facts import Facts, Grants, Names, Requirements
from persistence.mapping.field import Field, FieldError

FactPath = tuple[str, ...]

_NESTED: dict[FactPath, type[Struct]] = {(): Facts, ("requires",): Requirements, ("grants",): Grants}
# Facts whose keys are words of the game.
_OPEN: set[FactPath] = {("requires", "attributes"), ("grants", "containers")}


class MappingError(ValueError):
    """A mapping that cannot be used; the message begins with the key at fault."""


class Added(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that are put behind those that the list has already."""

    tags: Names = ()
    slots: Names = ()


class PartFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part as it is written: constants, then facts and data from fields, then what is added."""

    set: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    add: Added = Added()
    data: dict[str, Any] = {}


class MadeTemplate(Struct):
    """A template in the making, as a line of our own form has it, and what could not be taken."""

    facts: dict[str, Any]
    data: dict[str, Any]
    problems: list[str]


class Part:
    """A part, checked."""

    def __init__(self, source: PartFile, at: str) -> None:
        """Check ``source``, which stands at ``at``; raises ``MappingError``."""
        self._constants = _constants(source.set, f"{at}set")
        self._facts = _fields(_fact_leaves(source.facts, f"{at}facts"), f"{at}facts")
        self._data = _fields(_data_leaves(source.data), f"{at}data")
        self._added = {"tags": source.add.tags, "slots": source.add.slots}

    def apply(self, entry: Mapping[str, Any], made: MadeTemplate) -> None:
        """Put into ``made`` what the part says of ``entry``; later parts overwrite earlier ones."""
        for path, value in self._constants.items():
            _put(made.facts, path, value)
        for path, field in self._facts.items():
            try:
                _put(made.facts, path, field.fact(entry))
            except FieldError as error:
                made.problems.append(f"facts.{'.'.join(path)}: {error}")
        for name, words in self._added.items():
            has = made.facts.get(name, [])
            # What is no list is told when the facts are read.
            if words and isinstance(has, list):
                made.facts[name] = list(dict.fromkeys([*has, *words]))
        for path, field in self._data.items():
            try:
                if (value := field.datum(entry)) is not UNSET:
                    _put(made.data, path, value)
            except FieldError as error:
                made.problems.append(f"data.{'.'.join(path)}: {error}")


def problem_of(error: msgspec.ValidationError, at: str) -> str:
    """``path: problem`` of an error of msgspec, whose own paths begin with ``$`` at ``at``."""
    problem, _, path = str(error).partition(" - at ")
    return f"{(at + path.strip('`').removeprefix('$')).lstrip('.') or '$'}: {problem}"


def _constants(raw: dict[str, Any], at: str) -> dict[FactPath, object]:
    leaves = dict(_fact_leaves(raw, at))
    try:
        # What every template must have is put in; all else must be as facts are.
        msgspec.convert({"template_id": "x", "kind": "x"} | raw, Facts)
    except msgspec.ValidationError as error:
        raise MappingError(problem_of(error, at)) from error
    return leaves


def _fields(leaves: Iterator[tuple[FactPath, object]], at: str) -> dict[FactPath, Field]:
    fields: dict[FactPath, Field] = {}
    for path, raw in leaves:
        try:
            fields[path] = msgspec.convert({"from": raw} if isinstance(raw, str) else raw, Field)
        except msgspec.ValidationError as error:
            raise MappingError(problem_of(error, ".".join((at, *path)))) from error
    return fields


def _fact_leaves(raw: object, at: str, path: FactPath = ()) -> Iterator[tuple[FactPath, object]]:
    """What stands in nested tables, by the path of the fact; raises for what is no fact."""
    if path not in _NESTED and path not in _OPEN:
        yield path, raw
        return
    if not isinstance(raw, dict):
        raise MappingError(f"{'.'.join((at, *path))}: expected a table")
    for name, value in raw.items():
        if path in _NESTED and name not in _NESTED[path].__struct_fields__:
            raise MappingError(f"{'.'.join((at, *path, name))}: there is no such fact")
        yield from _fact_leaves(value, at, (*path, name))


def _data_leaves(raw: dict[str, Any], path: FactPath = ()) -> Iterator[tuple[FactPath, object]]:
    """The same of data, where a table without ``from`` is an object of its own."""
    for name, value in raw.items():
        if isinstance(value, dict) and "from" not in value:
            yield from _data_leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _put(target: dict[str, Any], path: FactPath, value: object) -> None:
    for name in path[:-1]:
        # Not setdefault: data that was kept as it is may have anything there.
        if not isinstance(target.get(name), dict):
            target[name] = {}
        target = target[name]
    target[path[-1]] = value
