"""Mapping foreign entries in tests: a mapping as text, entries as JSON."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.ruleset import Ruleset
from persistence.errors import CatalogError
from persistence.items.catalog import Template, parse_entries
from persistence.items.catalog_source import Entry
from persistence.mapping.mapping import read_mapping

LEAST = '[facts]\ntemplate_id = "id"\n[set]\nkind = "weapon"\n'


class Mapper:
    """Writes mappings to files, and maps entries with them under the shipped ruleset."""

    def __init__(self, home: Path, ruleset: Ruleset) -> None:
        self.path, self.ruleset = home / "mapping.toml", ruleset

    def map(self, mapping: str, *entries: str, maps: Sequence[str] = ()) -> list[Template]:
        self.path.write_text(mapping, "utf-8")
        raws = [Entry(f"entry {n}", entry.encode(), foreign=True) for n, entry in enumerate(entries, 1)]
        return parse_entries(raws, self.ruleset, read_mapping(str(self.path), maps))

    def one(self, mapping: str, entry: str) -> Template:
        (template,) = self.map(mapping, entry)
        return template

    def errors(self, mapping: str, *entries: str, maps: Sequence[str] = ()) -> list[str]:
        with pytest.raises(CatalogError) as refused:
            self.map(mapping, *entries, maps=maps)
        return [error.removeprefix(f"{self.path}: ") for error in refused.value.errors]
