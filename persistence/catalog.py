"""A catalog of item templates as JSON Lines: one ``{"facts": {…}, "data": {…}}`` a line."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogError

LINE_BYTES_MAX = 64 * 1024
ERRORS_MAX = 20
DEPTH_MAX = 32


class Template(Struct, frozen=True, forbid_unknown_fields=True):
    """An item template: ``facts`` are the rules', ``data`` (names, texts, stats, prices) the game's."""

    facts: Facts
    data: dict[str, Any]


_decode = msgspec.json.Decoder(Template).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def parse_catalog(lines: Iterable[bytes], ruleset: Ruleset) -> list[Template]:
    """Read and check a whole catalog; the templates are in the order of their lines.

    Blank lines are skipped. Raises ``CatalogError`` with the first twenty problems, each as
    ``line N: path: problem`` where N counts from 1: JSON that is not strict, unknown or missing
    fields, words that ``ruleset`` does not know, a template twice, a line above 64 KiB.
    """
    templates: list[Template] = []
    first_line: dict[str, int] = {}
    errors: list[str] = []
    for number, line in enumerate(lines, 1):
        if len(errors) >= ERRORS_MAX:
            break
        if len(line) > LINE_BYTES_MAX:
            errors.append(f"line {number}: $: longer than {LINE_BYTES_MAX} bytes")
        elif line.strip():
            template, problems = _line(line, ruleset)
            if template is not None:
                template_id = template.facts.template_id
                seen = first_line.setdefault(template_id, number)
                if seen != number:
                    problems.append(f"facts.template_id: {template_id} is on line {seen} already")
                templates.append(template)
            errors += [f"line {number}: {problem}" for problem in problems]
    if errors:
        raise CatalogError(errors[:ERRORS_MAX])
    return templates


def content_hash(templates: Iterable[Template]) -> str:
    """64 hex digits over what a catalog says, whatever the order of its lines and keys."""
    ordered = sorted(templates, key=lambda template: template.facts.template_id)
    return hashlib.sha256(_encode(ordered)).hexdigest()


def _line(line: bytes, ruleset: Ruleset) -> tuple[Template | None, list[str]]:
    """The template on a line, None when it cannot be read, and what is wrong with it."""
    try:
        template = _decode(line)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at ")
        return None, [f"{path.strip('`').removeprefix('$.') or '$'}: {problem}"]
    except RecursionError:
        return None, [f"$: nested deeper than {DEPTH_MAX}"]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, [f"$: {error}"]
    unknown = (error.partition(": ") for error in ruleset.facts_errors(template.facts))
    problems = [f"facts.{path}: the ruleset does not know {word}" for path, _, word in unknown]
    if (unstorable := _unstorable(template.data)) is not None:
        problems.append(f"data: {unstorable}")
    return template, problems


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
