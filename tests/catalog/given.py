"""Templates and lines, with what does not matter filled in."""

import json
from collections.abc import Iterable
from typing import Any

from engine.facts import Facts, Grants, Requirements
from engine.ruleset import Ruleset
from persistence.items.catalog import Template
from persistence.items.catalog_content import CatalogContent, packed


def template(
    template_id: str, kind: str = "weapon", data: dict[str, Any] | None = None, **facts: Any
) -> Template:
    if "grants" in facts:
        facts["grants"] = Grants(**facts["grants"])
    if "requires" in facts:
        facts["requires"] = Requirements(**facts["requires"])
    return Template(Facts(template_id, kind, **facts), data or {})


def content(ruleset: Ruleset, *templates: Template) -> CatalogContent:
    return packed(templates, ruleset)


def line(template_id: str, kind: str = "weapon", data: dict[str, Any] | None = None, **facts: Any) -> bytes:
    entry = {"facts": {"template_id": template_id, "kind": kind, **facts}, "data": data or {}}
    return json.dumps(entry).encode() + b"\n"


def lines(count: int, **facts: Any) -> Iterable[bytes]:
    """A catalog of ``count`` templates of some 400 bytes each."""
    return (
        line(f"thing_{number:06}", data={"name": f"Thing {number}", "text": "of no use " * 25}, **facts)
        for number in range(count)
    )
