"""Mappings: TOML files that say how entries of a foreign catalog become templates of ours."""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from persistence.errors import CatalogError
from persistence.mapping.condition import Condition, read_condition
from persistence.mapping.field import FieldError, look_up, plain
from persistence.mapping.part import MadeTemplate, MappingError, Part, PartFile, problem_of

SUFFIX = ".toml"


class RuleFile(PartFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part for entries of which all of ``when`` holds; with ``skip`` they make no template."""

    when: dict[str, Any]
    skip: bool = False


class MappingFile(PartFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping; ``keep`` names the fields of an entry that become data as they are."""

    keep: Literal["all"] | tuple[str, ...] = ()
    rules: tuple[RuleFile, ...] = ()


class CatalogMapping:
    """A checked mapping; see docs/catalog-mapping.md."""

    def __init__(self, source: MappingFile) -> None:
        """Check ``source``; raises ``MappingError``."""
        self._keep = source.keep
        self._part = Part(source, "")
        self._rules = [_Rule(rule, f"rules[{index}]") for index, rule in enumerate(source.rules)]

    def apply(self, entry: Mapping[str, Any]) -> MadeTemplate | None:
        """The template that an entry makes, not judged yet; None when a rule skips it.

        Numbers of ``entry`` with a fraction or an exponent are ``Decimal``.
        """
        rules = [rule for rule in self._rules if rule.holds(entry)]
        if any(rule.skip for rule in rules):
            return None
        made = MadeTemplate({}, {}, [])
        for name, value in entry.items():
            if self._keep == "all" or name in self._keep:
                try:
                    made.data[name] = plain(value)
                except FieldError as error:
                    made.problems.append(f"data.{name}: {error}")
        self._part.apply(entry, made)
        for rule in rules:
            rule.part.apply(entry, made)
        return made


class _Rule:
    def __init__(self, source: RuleFile, at: str) -> None:
        if not source.when:
            raise MappingError(f"{at}.when: expected one condition at least")
        self._conditions: list[tuple[str, Condition]] = []
        for path, raw in source.when.items():
            try:
                self._conditions.append((path, read_condition(raw)))
            except msgspec.ValidationError as error:
                raise MappingError(problem_of(error, f"{at}.when.{path}")) from error
        self.part = Part(source, f"{at}.")
        self.skip = source.skip
        if self.skip and (source.set or source.facts or source.data or source.add.tags or source.add.slots):
            raise MappingError(f"{at}.skip: a rule that skips makes nothing")

    def holds(self, entry: Mapping[str, Any]) -> bool:
        return all(condition(look_up(entry, path)) for path, condition in self._conditions)


def shipped_mappings() -> list[str]:
    """The names, sorted; each is its file's, without the suffix."""
    entries = (entry.name for entry in files("persistence").joinpath("mapping/shipped").iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in entries if name.endswith(SUFFIX))


def read_mapping(name_or_path: str | None, maps: Sequence[str] = ()) -> CatalogMapping:
    """A shipped mapping by its name, one by its path, or none, with ``maps`` over its fields.

    A path has a slash in it or ends in ``.toml``. Each of ``maps`` is ``FACT=SOURCE`` or
    ``data.NAME=SOURCE``, and stands for the same key of ``[facts]`` or ``[data]``. Raises
    ``CatalogError`` with one problem, ``OSError``.
    """
    label = name_or_path or "mapping"
    try:
        raw = {} if name_or_path is None else tomllib.loads(_text(name_or_path), parse_float=Decimal)
        for text in maps:
            label = f"--map {text}"
            _map(raw, text)
        label = name_or_path or "--map"
        return CatalogMapping(msgspec.convert(raw, MappingFile))
    except msgspec.ValidationError as error:
        raise CatalogError([f"{label}: {problem_of(error, '')}"]) from error
    except (MappingError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError([f"{label}: {error}"]) from error


def _text(name_or_path: str) -> str:
    if "/" in name_or_path or name_or_path.endswith(SUFFIX):
        return Path(name_or_path).read_text("utf-8")
    if name_or_path not in (names := shipped_mappings()):
        raise MappingError(
            f"no such mapping is shipped, only {', '.join(names)}; a path has a slash or ends in {SUFFIX}"
        )
    return files("persistence").joinpath("mapping/shipped", name_or_path + SUFFIX).read_text("utf-8")


def _map(raw: dict[str, Any], text: str) -> None:
    target, _, source = text.partition("=")
    if not target or not source:
        raise MappingError("expected FACT=SOURCE")
    *outer, last = target.split(".") if target.startswith("data.") else ("facts", *target.split("."))
    table: Any = raw
    for name in outer:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise MappingError(f"{target} is within a field of its own")
    table[last] = source
