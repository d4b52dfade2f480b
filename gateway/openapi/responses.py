"""Responses: what an operation answers when all is well, and every problem it may answer instead."""

from collections.abc import Iterable
from typing import Any, Final

from gateway.http.operation import Operation
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.openapi.problem_examples import RETRIED

Node = dict[str, Any]

PROBLEM_JSON: Final = "application/problem+json"
# So many codes at most make a response that is named after them.
_NAMED_MAX: Final = 3

HEADERS: Final[dict[str, Node]] = {
    "X-Request-Id": {"description": "As the call had it", "schema": {"type": "string"}},
    "ETag": {"description": "The entity tag of what is shown", "schema": {"type": "string"}},
    "Location": {"description": "Where it is now", "schema": {"type": "string", "format": "uri-reference"}},
    "Content-Disposition": {"description": "A name for a file of it", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds after which to repeat it", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "The scheme, and what is wrong", "schema": {"type": "string"}},
}
# Headers that come with every problem of a status.
_ALWAYS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    412: ("ETag",),
    429: ("Retry-After",),
}


class Responses:
    """Makes the responses of operations, and keeps those that several share."""

    def __init__(self) -> None:
        """Begin with none."""
        self.shared: dict[str, Node] = {}

    def of(self, operation: Operation, schema: Node | None, example: Any = None) -> Node:  # noqa: ANN401 - JSON
        """``responses`` of an operation; ``schema`` is its reply's, None where there is none."""
        found: dict[int, Node] = {}
        for status in (operation.status, *operation.also):
            found[status] = _success(operation, schema, example)
        if operation.tagged:
            found[304] = {"description": "It is as the caller has it", "headers": _headers(("ETag",))}
        for status, codes in _by_status(operation.codes).items():
            found[status] = self._problems(status, codes)
        return {str(status): found[status] for status in sorted(found)}

    def _problems(self, status: int, codes: list[str]) -> Node:
        node = _problems(status, codes)
        if len(codes) > _NAMED_MAX:
            return node
        name = "Or".join("".join(word.title() for word in code.split("_")) for code in codes)
        self.shared[name] = node
        return {"$ref": f"#/components/responses/{name}"}


def header_components() -> dict[str, Node]:
    """``components.headers``."""
    return {_component(name): node for name, node in HEADERS.items()}


def _success(operation: Operation, schema: Node | None, example: Any) -> Node:  # noqa: ANN401 - JSON
    names = [*operation.headers, *(("ETag",) if operation.tagged else ())]
    node: Node = {"description": operation.summary, "headers": _headers(names, required=names)}
    if schema is not None:
        media: Node = {"schema": schema}
        if example is not None:
            media["example"] = example
        node["content"] = {operation.reply_media_type: media}
    return node


def _problems(status: int, codes: list[str]) -> Node:
    always = _ALWAYS.get(status, ())
    names = [*always, *(("Retry-After",) if RETRIED & set(codes) and "Retry-After" not in always else ())]
    return {
        "description": "; ".join(PROBLEM_KINDS[code].title for code in codes),
        "headers": _headers(names, required=always),
        "content": {
            PROBLEM_JSON: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/ProblemDocument"},
                        {"properties": {"code": {"enum": codes}, "status": {"const": status}}},
                    ]
                },
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    # In the order of the API's table, so that equal sets make equal responses.
    wanted = set(codes)
    for code, kind in PROBLEM_KINDS.items():
        if code in wanted:
            grouped.setdefault(kind.status, []).append(code)
    return grouped


def _headers(names: Iterable[str], required: Iterable[str] = ()) -> Node:
    found: Node = {}
    for name in names:
        ref = {"$ref": f"#/components/headers/{_component(name)}"}
        found[name] = {**HEADERS[name], "required": True} if name in required else ref
    return {**found, "X-Request-Id": {"$ref": "#/components/headers/XRequestId"}}


def _component(name: str) -> str:
    return name.replace("-", "")
