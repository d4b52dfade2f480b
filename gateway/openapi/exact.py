"""What the types of bodies and replies cannot say by themselves."""

from typing import Any, Final

from gateway.http.problem_codes import PROBLEM_KINDS

_NULL: Final = {"type": "null"}
_TEXT: Final = {"type": "string"}


def make_exact(components: dict[str, dict[str, Any]]) -> None:
    """Add to the components, by name, what is tested beside the types."""
    _exactly_one_of_item_and_template(components["ConsumeRequest"])
    _no_id_of_our_own_making(components["GrantRequest"])
    components["ProblemDocument"]["properties"]["code"]["enum"] = list(PROBLEM_KINDS)
    components["Violation"]["properties"]["code"]["enum"] = list(PROBLEM_KINDS)
    components["LedgerEntry"]["properties"]["commands"] = {
        "type": "array",
        "items": {"type": "object", "properties": {"op": _TEXT}, "required": ["op"]},
    }


def _exactly_one_of_item_and_template(consume: dict[str, Any]) -> None:
    fields = ("item_id", "template_id")
    consume["oneOf"] = [
        {
            "required": [given],
            "properties": {given: dict(_TEXT), **{other: dict(_NULL) for other in fields if other != given}},
        }
        for given in fields
    ]


def _no_id_of_our_own_making(grant: dict[str, Any]) -> None:
    """UUIDs of version 8 are made here alone."""
    item_id = grant["properties"]["item_id"]
    item_id["not"] = {"type": "string", "pattern": "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?8"}
