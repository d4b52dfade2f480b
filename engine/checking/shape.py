"""The shape of a ruleset: every key known, every value of its type and within its bounds.

``msgspec.convert`` stops at the first fault and words it for programmers. This reads the same
types, tells all faults, and makes the best of the rest, so that words can still be checked.
"""

import re
from dataclasses import dataclass, field
from datetime import date, time

import msgspec
from msgspec import inspect

from engine.checking.fault import Fault, did_you_mean, meant
from engine.checking.toml_lines import KeyPath, quoted
from engine.ruleset_file import RulesetFile

_NAME_WORDS = "a small letter, then small letters, digits and _, up to 32 characters"


@dataclass
class Shape:
    """What was read. ``source`` holds what its types do not allow where there are ``faults``.

    ``misspelt``: the path that a key should have had → the key as it stands in the file.
    """

    faults: list[Fault] = field(default_factory=list)
    misspelt: dict[KeyPath, str] = field(default_factory=dict)
    source: RulesetFile = field(init=False)

    def in_file(self, path: KeyPath) -> KeyPath:
        """The path as the file spells it."""
        return tuple(self.misspelt.get(path[: at + 1], key) for at, key in enumerate(path))


def read_shape(raw: dict[str, object]) -> Shape:
    """Read what ``tomllib`` made of a file; without faults, ``source`` is as ``msgspec`` converts it."""
    shape = Shape()
    source = _Reader(shape).read(inspect.type_info(RulesetFile), raw, ())
    assert isinstance(source, RulesetFile)
    shape.source = source
    if not shape.faults:
        try:
            shape.source = msgspec.convert(raw, RulesetFile)
        except msgspec.ValidationError as error:
            # A bound that this module does not know: better in msgspec's words than let through.
            shape.faults.append(Fault((), str(error)))
    return shape


class _Reader:
    """Reads values by their types. Each method answers the value, or a stand-in for one of a wrong type."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def read(self, kind: inspect.Type, raw: object, path: KeyPath) -> object:
        match kind:
            case inspect.UnionType():
                return self.read(_told(kind), raw, path)
            case inspect.StructType() if isinstance(raw, dict):
                return self._struct(kind, raw, path)
            case inspect.VarTupleType() if isinstance(raw, list):
                self._count(kind, raw, path)
                return tuple(self.read(kind.item_type, item, (*path, n)) for n, item in enumerate(raw))
            case inspect.DictType() if isinstance(raw, dict):
                return {
                    self.read(kind.key_type, key, (*path, key)): self.read(
                        kind.value_type, value, (*path, key)
                    )
                    for key, value in raw.items()
                }
            case inspect.LiteralType() if isinstance(raw, str):
                return self._literal(kind, raw, path)
            case inspect.StrType() if isinstance(raw, str):
                return self._name(kind, raw, path)
            case inspect.IntType() if isinstance(raw, int) and not isinstance(raw, bool):
                return self._int(kind, raw, path)
            case inspect.BoolType() if isinstance(raw, bool):
                return raw
        self._fault(path, f"expected {_expected(kind, path)}, not {_got(raw)}")
        return _stand_in(kind)

    def _struct(self, kind: inspect.StructType, raw: dict[str, object], path: KeyPath) -> object:
        fields = {entry.name: entry for entry in kind.fields}
        spelt = self._spelling(raw, list(fields), path)
        values: dict[str, object] = {}
        for name, entry in fields.items():
            if name in spelt:
                values[name] = self.read(entry.type, raw[spelt[name]], (*path, name))
            elif entry.required:
                self._fault((*path, name), f"is missing; expected {_expected(entry.type, (*path, name))}")
                values[name] = _stand_in(entry.type)
        return kind.cls(**values)

    def _spelling(self, raw: dict[str, object], known: list[str], path: KeyPath) -> dict[str, str]:
        """Known key → the key in the file; a misspelt one is a fault, and is read as what was meant."""
        spelt = {name: name for name in known if name in raw}
        for key in raw:
            if key in known:
                continue
            near = meant(key, [name for name in known if name not in spelt])
            known_better = f"; there are {', '.join(known)}" if near is None else did_you_mean(near)
            self._fault((*path, key), f"is not a known key{known_better}")
            if near is not None:
                spelt[near] = key
                self._shape.misspelt[(*path, near)] = key
        return spelt

    def _count(self, kind: inspect.VarTupleType, raw: list[object], path: KeyPath) -> None:
        least, most = kind.min_length or 0, kind.max_length
        if len(raw) < least:
            self._fault(path, f"is empty; expected {_expected(kind, path)}")
        elif most is not None and len(raw) > most:
            self._fault(path, f"has {len(raw)} entries; there may be {most} at most")

    def _literal(self, kind: inspect.LiteralType, raw: str, path: KeyPath) -> str:
        words = [str(value) for value in kind.values]
        if raw in words:
            return raw
        near = meant(raw, words)
        known_better = did_you_mean(near) if near else ""
        self._fault(path, f"{quoted(raw)} is none of {', '.join(words)}{known_better}")
        return words[-1]

    def _name(self, kind: inspect.StrType, raw: str, path: KeyPath) -> str:
        if kind.pattern is not None and not re.search(kind.pattern, raw):
            better = re.sub(r"[^a-z0-9_]+", "_", raw.lower()).strip("_")
            known_better = did_you_mean(better) if re.search(kind.pattern, better) else ""
            self._fault(path, f"{quoted(raw)} is not a name: {_NAME_WORDS}{known_better}")
        return raw

    def _int(self, kind: inspect.IntType, raw: int, path: KeyPath) -> int:
        if (kind.ge is not None and raw < kind.ge) or (kind.le is not None and raw > kind.le):
            self._fault(path, f"{_number(raw)} is out of bounds; expected {_expected(kind, path)}")
        return raw

    def _fault(self, path: KeyPath, message: str) -> None:
        self._shape.faults.append(Fault(path, message))


def _told(kind: inspect.UnionType) -> inspect.Type:
    """The type of what may be left out; TOML has no null, so that is all there is to it."""
    return next(each for each in kind.types if not isinstance(each, inspect.NoneType))


def _stand_in(kind: inspect.Type) -> object:
    """What to read on with in place of a value that is missing or of a wrong type.

    Faults that would follow from it are not told, see ``Fault.needs``.
    """
    match kind:
        case inspect.UnionType():
            return None
        case inspect.StructType():
            return kind.cls(**{entry.name: _stand_in(entry.type) for entry in kind.fields if entry.required})
        case inspect.VarTupleType():
            return ()
        case inspect.DictType():
            return {}
        case inspect.LiteralType():
            return kind.values[-1]
        case inspect.StrType():
            return ""
        case inspect.BoolType():
            return True
    return 0


def _expected(kind: inspect.Type, path: KeyPath) -> str:
    match kind:
        case inspect.UnionType():
            return _expected(_told(kind), path)
        case inspect.StructType() if len(path) == 1:
            return f"one table, [{path[-1]}]"
        case inspect.VarTupleType(item_type=inspect.StructType()):
            return f"a table for each, [[{path[-1]}]] with two brackets"
        case inspect.VarTupleType():
            return 'a list of names, as in ["one", "two"]'
        case inspect.DictType():
            return "names with numbers, as in {strength = 5}"
        case inspect.LiteralType():
            return "one of " + ", ".join(f'"{value}"' for value in kind.values)
        case inspect.StrType():
            return "a name in quotation marks"
        case inspect.IntType() if kind.ge is not None and kind.le is not None:
            return f"a whole number from {_number(kind.ge)} to {_number(kind.le)}"
        case inspect.BoolType():
            return "true or false"
    return "a table of keys and values"


def _got(raw: object) -> str:
    match raw:
        case bool():
            return "true" if raw else "false"
        case int():
            return _number(raw)
        case float():
            return str(raw)
        case str():
            return f"the text {quoted(raw)}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case date() | time():
            return "a date or time"
    return f"a {type(raw).__name__}"


def _number(number: int) -> str:
    """With its thousands apart, as TOML allows it too."""
    return f"{number:_}" if abs(number) < 10**18 else "so large a number"
