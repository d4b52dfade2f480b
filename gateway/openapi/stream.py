"""Frames and events, as far as a document about requests and responses can tell of them."""

from typing import Any, Final

_REQUEST: Final = {"$ref": "#/components/schemas/StreamRequest"}
_ANSWER: Final = {"$ref": "#/components/schemas/StreamAnswer"}

STREAM_ANSWER: Final[dict[str, Any]] = {
    "description": "The members of a reply, a plan or a problem, and the `id` of the request; null where "
    "that could not be read.",
    "allOf": [
        {
            "type": "object",
            "properties": {"id": {"type": ["integer", "string", "null"]}},
            "required": ["id"],
        },
        {
            "anyOf": [
                {"$ref": f"#/components/schemas/{name}"}
                for name in ("CommandReply", "Plan", "ProblemDocument")
            ]
        },
    ],
}


def stream_extension() -> dict[str, Any]:
    """What OpenAPI has no words for: subprotocols, and the frames of both directions."""
    return {
        "x-websocket": {
            "subprotocols": ["haversack.json", "haversack.msgpack"],
            "in": {
                "anyOf": [_REQUEST, {"type": "array", "items": _REQUEST, "minItems": 1, "maxItems": 1000}]
            },
            "out": {"anyOf": [_ANSWER, {"type": "array", "items": _ANSWER}]},
        }
    }


def events_extension() -> dict[str, Any]:
    """What is in the ``data`` of server-sent events, by their names."""
    return {
        "x-events": {
            "change": {"$ref": "#/components/schemas/ChangeEvent"},
            "reset": {"$ref": "#/components/schemas/ResetEvent"},
        }
    }
