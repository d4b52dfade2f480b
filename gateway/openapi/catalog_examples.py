"""Examples of the operations on templates and on the catalog."""

from typing import Final

from gateway.openapi.example_parts import FACTS, RULESET, SWORD_DATA, Example

_CONTENT: Final = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
_BREAD_LINE: Final = (
    '{"facts":{"template_id":"brown_bread","kind":"consumable","stack_limit":10},'
    '"data":{"name":"Brown Bread"}}\n'
)
_BELT_LINE: Final = (
    '{"facts":{"template_id":"rope_belt","kind":"accessory","slots":["belt"]},"data":{"name":"Rope Belt"}}\n'
)

CATALOG_EXAMPLES: Final[dict[str, Example]] = {
    "read_catalog": Example(
        reply={
            "version": 1,
            "count": 2,
            "ruleset": RULESET,
            "imported_at": 1767225600000,
            "by": "operator",
            "content": _CONTENT,
        }
    ),
    # The catalog that it replaces had bread in stacks of 20, and no belt.
    "replace_catalog": Example(
        body=_BREAD_LINE + _BELT_LINE,
        reply={
            "base": 1,
            "version": 2,
            "accepted": True,
            "counts": {
                "templates": 2,
                "added": 1,
                "removed": 0,
                "changed": 1,
                "tightened": 1,
                "in_use": 0,
            },
            "added": ["rope_belt"],
            "removed": [],
            "changed": [{"template_id": "brown_bread", "facts": {"stack_limit": [20, 10]}, "data": False}],
            "tightened": [
                {"template_id": "brown_bread", "facts": ["stack_limit"], "characters": 1, "items": 2}
            ],
            "in_use": {},
        },
    ),
    "find_catalog_versions": Example(
        reply={
            "versions": [
                {
                    "version": 1,
                    "imported_at": 1767225600000,
                    "by": "operator",
                    "count": 2,
                    "ruleset": RULESET,
                    "content": _CONTENT,
                    "added": 2,
                    "removed": 0,
                    "changed": 0,
                    "restorable": True,
                }
            ],
            "cursor": None,
        }
    ),
    "read_catalog_source": Example(
        reply={
            "source": {
                "succeeded_at": 1767225600000,
                "age_s": 12.5,
                "failures": 0,
                "failing_since": None,
                "problem": "",
            }
        }
    ),
    "find_templates": Example(
        reply={
            "items": [{"template_id": "iron_sword", "facts": FACTS, "data": SWORD_DATA}],
            "cursor": "iron_sword",
        }
    ),
    "read_template": Example(reply={"template_id": "iron_sword", "facts": FACTS, "data": SWORD_DATA}),
}
