"""What a type looks like on the wire: fields with their types, bounds and defaults, however it is named."""

from collections.abc import Callable
from typing import Any

from msgspec import NODEFAULT, inspect

Swap = Callable[[type, str], Any]


def shape_of(kind: Any, *, of_reply: bool, swap: Swap = lambda struct, field: None) -> Any:
    """A value that is equal for types that read and write the same.

    Of a request everything counts. Of a reply, whose reader has to know only what may come, a field that
    may be left out is as good as one that may be null, and defaults are the reader's own affair. For a
    field of a struct, ``swap`` may name another type than its own.
    """

    def shape(found: inspect.Type) -> Any:
        match found:
            case inspect.Metadata(type=inner):
                return shape(inner)
            case inspect.StructType():
                return struct(found)
            case inspect.ListType() | inspect.VarTupleType() | inspect.CollectionType():
                return ("array", shape(found.item_type), found.min_length, found.max_length)
            case inspect.DictType():
                return ("object", shape(found.key_type), shape(found.value_type))
            case inspect.UnionType():
                return union([shape(one) for one in found.types])
            case inspect.LiteralType():
                return ("one of", tuple(sorted(found.values, key=str)))
            case _:
                return repr(found)

    def struct(found: inspect.StructType) -> Any:
        fields = {}
        for field in found.fields:
            other = swap(found.cls, field.encode_name)
            kind = shape(field.type if other is None else inspect.type_info(other))
            if not of_reply:
                default = field.default if field.default_factory is NODEFAULT else field.default_factory()
                fields[field.encode_name] = (kind, field.required, repr(default).rpartition(".")[2])
            else:
                fields[field.encode_name] = kind if field.required else without_nothing(kind)
        return ("struct", found.tag, tuple(sorted(fields.items(), key=lambda item: item[0])))

    return shape(inspect.type_info(kind))


def union(shapes: list[Any]) -> Any:
    distinct = tuple(sorted({repr(one): one for one in shapes}.values(), key=repr))
    return distinct[0] if len(distinct) == 1 else ("any of", *distinct)


def without_nothing(shape: Any) -> Any:
    """As what is there, where it may also not be there."""
    if isinstance(shape, tuple) and shape[0] == "any of":
        return union([one for one in shape[1:] if one not in ("NoneType()", "UnsetType()", "None")])
    return shape
