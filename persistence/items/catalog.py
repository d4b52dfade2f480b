"""Catalogs of item templates, read strictly: entries ``{"facts": {…}, "data": {…}}``, or mapped to such."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogError
from persistence.items.catalog_source import ENTRY_BYTES_MAX, Entry
from persistence.mapping.mapping import CatalogMapping
from persistence.mapping.part import problem_of

ERRORS_MAX = 20
DEPTH_MAX = 32
# Every process that serves has all of them in memory.
TEMPLATES_MAX = 200_000


class Template(Struct, frozen=True, forbid_unknown_fields=True):
    """An item template: ``facts`` are the rules', ``data`` (names, texts, stats, prices) the game's."""

    facts: Facts
    data: dict[str, Any]


_decode = msgspec.json.Decoder(Template).decode
# A float would be near what a source says and not the same.
_decode_foreign = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class CatalogReader:
    """Reads the entries of one catalog one after the other, and gathers what is wrong with them."""

    def __init__(self, ruleset: Ruleset, mapping: CatalogMapping | None = None) -> None:
        """Words are ``ruleset``'s; ``mapping`` makes templates of foreign entries."""
        self.ruleset = ruleset
        self._mapping = mapping
        self._first_place: dict[str, str] = {}
        self._errors: list[str] = []

    @property
    def given_up(self) -> bool:
        """Whether so much is wrong that the rest need not be read."""
        return len(self._errors) >= ERRORS_MAX

    def read(self, entry: Entry) -> Template | None:
        """The template that an entry is, if it is a good one; a blank entry is none, and nothing is wrong."""
        place, raw, foreign = entry
        if len(raw) > ENTRY_BYTES_MAX:
            self._errors.append(f"{place}: $: longer than {ENTRY_BYTES_MAX} bytes")
            return None
        if not bytes(raw).strip():
            return None
        template, problems = _entry(raw, self._mapping if foreign else None)
        if template is not None:
            problems += _problems(template, self.ruleset)
            problems += self._repeated(template.facts.template_id, place)
        self._errors += [f"{place}: {problem}" for problem in problems]
        return None if problems else template

    def check(self) -> None:
        """Raise ``CatalogError`` if anything was wrong, with the first twenty problems."""
        if self._errors:
            raise CatalogError(self._errors[:ERRORS_MAX])

    def _repeated(self, template_id: str, place: str) -> list[str]:
        if (seen := self._first_place.get(template_id)) is not None:
            return [f"facts.template_id: {template_id} is on {seen} already"]
        self._first_place[template_id] = place
        if len(self._first_place) == TEMPLATES_MAX + 1:
            return [f"facts.template_id: more than {TEMPLATES_MAX} templates"]
        return []


def parse_catalog(lines: Iterable[bytes], ruleset: Ruleset) -> list[Template]:
    """Read a catalog of JSON Lines as ``parse_entries`` does; places are ``line N``."""
    return parse_entries((Entry(f"line {number}", line) for number, line in enumerate(lines, 1)), ruleset)


def parse_entries(
    entries: Iterable[Entry], ruleset: Ruleset, mapping: CatalogMapping | None = None
) -> list[Template]:
    """Read and check a whole catalog; the templates are in the order of their entries.

    Blank entries are skipped, and those that ``mapping``, which foreign ones need, skips. Raises
    ``CatalogError`` with the first twenty problems, each as ``place: path: problem``: JSON that is
    not strict, unknown or missing fields, words that ``ruleset`` does not know, a template twice,
    an entry above 64 KiB.
    """
    reader = CatalogReader(ruleset, mapping)
    templates: list[Template] = []
    for entry in entries:
        if reader.given_up:
            break
        if (template := reader.read(entry)) is not None:
            templates.append(template)
    reader.check()
    return templates


def _entry(raw: bytes | memoryview, mapping: CatalogMapping | None) -> tuple[Template | None, list[str]]:
    """The template that an entry is or makes, if it does, and what is wrong with the entry."""
    try:
        if mapping is None:
            return _decode(raw), []
        made = mapping.apply(_decode_foreign(raw))
        if made is None or made.problems:
            return None, [] if made is None else made.problems
        return msgspec.convert({"facts": made.facts, "data": made.data}, Template), []
    except msgspec.ValidationError as error:
        return None, [problem_of(error, "")]
    except RecursionError:
        return None, [f"$: nested deeper than {DEPTH_MAX}"]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, [f"$: {error}"]


def _problems(template: Template, ruleset: Ruleset) -> list[str]:
    unknown = (error.partition(": ") for error in ruleset.facts_errors(template.facts))
    problems = [f"facts.{path}: the ruleset does not know {word}" for path, _, word in unknown]
    if (unstorable := _unstorable(template.data)) is not None:
        problems.append(f"data: {unstorable}")
    return problems


def _unstorable(value: object, depth: int = 1) -> str | None:
    """Why PostgreSQL could not hold the value as jsonb, None when it can."""
    if depth > DEPTH_MAX:
        return f"nested deeper than {DEPTH_MAX}"
    if isinstance(value, str):
        return "has a NUL character, which cannot be stored" if "\0" in value else None
    if isinstance(value, dict):
        parts: Iterable[object] = (*value, *value.values())
    elif isinstance(value, list):
        parts = value
    else:
        return None
    return next((reason for part in parts if (reason := _unstorable(part, depth + 1)) is not None), None)
