"""Schemas of bodies, replies and parameters, made from msgspec's and made exact.

msgspec says how a type is decoded. What is encoded has fields that are always there; a command that
is a body of its own needs no ``op``; and regular expressions are to be read by every language.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec import inspect as types

from engine.bounds import ITEM_ID_PATTERN, ITEM_REF_PATTERN
from engine.ruleset import Ruleset
from gateway.openapi.exact import make_exact
from gateway.openapi.words import Schema, mark_words, vocabulary, with_words

REF: Final = "#/components/schemas/{name}"
_INT32_MAX: Final = 2**31 - 1
# What these types end in says the same as "$" does in JSON Schema, but not every language has it.
_END: Final = r"(?![\s\S])"


def components(
    requests: Mapping[str, Any], replies: Mapping[str, Any], ruleset: Ruleset
) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The schema of each type, by the key it was given under; and the components they refer to.

    Raises ``ValueError`` where a type is both taken in and sent out, since the two are told apart.
    """
    wanted = {**requests, **replies}
    schemas, named = msgspec.json.schema_components(list(wanted.values()), ref_template=REF)
    structs = _structs(replies.values())
    asked = {cls.__name__ for cls in _structs(requests.values())}
    if both := asked & {cls.__name__ for cls in structs}:
        raise ValueError(f"both taken in and sent out: {', '.join(sorted(both))}")
    for cls in structs:
        _as_encoded(cls, named[cls.__name__])
    make_exact(named)
    mark_words(named)
    found = dict(zip(wanted, schemas, strict=True))
    words = vocabulary(ruleset)
    bodies = _bodies_of_commands(named)
    finished = {name: _finished(schema, words) for name, schema in {**_in_batches(named), **bodies}.items()}
    return {key: _finished(schema, words) for key, schema in found.items()}, dict(sorted(finished.items()))


def _structs(wanted: Any) -> list[type[Struct]]:  # noqa: ANN401 - what a mapping's values are
    """Every struct that is in these types, however deep."""
    found: dict[type[Struct], None] = {}

    def collect(kind: types.Type) -> None:
        if isinstance(kind, types.StructType):
            if kind.cls in found:
                return
            found[kind.cls] = None
            for field in kind.fields:
                collect(field.type)
        for part in _parts(kind):
            collect(part)

    for kind in types.multi_type_info(list(wanted)):
        collect(kind)
    return list(found)


def _parts(kind: types.Type) -> Iterator[types.Type]:
    match kind:
        case types.Metadata():
            yield kind.type
        case types.CollectionType():
            yield kind.item_type
        case types.TupleType():
            yield from kind.item_types
        case types.DictType():
            yield kind.key_type
            yield kind.value_type
        case types.UnionType():
            yield from kind.types


def _as_encoded(cls: type[Struct], schema: Schema) -> None:
    """What a reply always has is required, and what it never has is not told."""
    omits = cls.__struct_config__.omit_defaults
    required = []
    for field in msgspec.structs.fields(cls):
        known = schema["properties"][field.encode_name]
        known.pop("default", None)
        if field.required or not (omits or field.default is UNSET):
            required.append(field.encode_name)
        elif omits and field.default is None:
            # It is left out where there is nothing to say.
            schema["properties"][field.encode_name] = _not_null(known)
    schema["required"] = required
    # A later version may tell more.
    schema.pop("additionalProperties", None)


def _not_null(schema: Schema) -> Schema:
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else schema


def _is_command(schema: Schema) -> bool:
    return "op" in schema.get("properties", {}) and name_of_command(schema) is not None


def name_of_command(schema: Schema) -> str | None:
    """The value of ``op`` in a command's schema."""
    options = schema["properties"]["op"].get("enum", ())
    return options[0] if len(options) == 1 else None


def _bodies_of_commands(named: dict[str, Schema]) -> dict[str, Schema]:
    """Commands as they stand alone: the path says ``op``, and there is no earlier item to refer to."""
    bodies = {}
    for name, schema in named.items():
        if _is_command(schema):
            fields = {field: _without_references(known) for field, known in schema["properties"].items()}
            bodies[name] = {
                **schema,
                "properties": fields,
                "required": [field for field in schema["required"] if field != "op"],
            }
    return bodies


def _without_references(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(schema, dict):
        return {
            key: ITEM_ID_PATTERN
            if key == "pattern" and value == ITEM_REF_PATTERN
            else _without_references(value)
            for key, value in schema.items()
        }
    return [_without_references(one) for one in schema] if isinstance(schema, list) else schema


def _in_batches(named: dict[str, Schema]) -> dict[str, Schema]:
    """All components, the commands under the names by which batches refer to them."""
    renamed = {
        name: name.removesuffix("Request") + "Command"
        for name, schema in named.items()
        if _is_command(schema)
    }
    refs = {REF.format(name=name): REF.format(name=new) for name, new in renamed.items()}

    def pointed(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, dict):
            return {key: pointed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [pointed(one) for one in value]
        return refs.get(value, value) if isinstance(value, str) else value

    return {renamed.get(name, name): pointed(schema) for name, schema in named.items()}


def _finished(schema: Any, words: dict[str, Schema]) -> Any:  # noqa: ANN401 - any JSON value
    """A schema, and all in it, in the words of the ruleset and in those that every language reads."""
    if isinstance(schema, list | tuple):
        return [_finished(one, words) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = with_words({key: _finished(value, words) for key, value in schema.items()}, words)
    if schema.get("type") == "object" and "properties" in schema:
        schema.pop("title", None)
    if isinstance(pattern := schema.get("pattern"), str):
        schema["pattern"] = pattern.replace(_END, "$")
    if isinstance(text := schema.get("description"), str):
        schema["description"] = inspect.cleandoc(text)
    if schema.get("type") == "integer" and schema.get("maximum", _INT32_MAX + 1) > _INT32_MAX:
        schema["format"] = "int64"
    if schema.get("anyOf") == [{"type": "integer", "format": "int64"}, {"type": "number"}]:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, "type": "number"}
    values = schema.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        schema.setdefault("type", "string")
    return schema
