"""What the document says of the API as a whole, and how it groups the operations."""

from typing import Any, Final

from gateway.http.operation import Operation

INFO: Final[dict[str, Any]] = {
    "title": "Haversack",
    "summary": "Session-based inventory service for games",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "description": """\
JSON in UTF-8. Reading is strict: an unknown field, an unknown query parameter, a wrong type or a number
out of bounds is `INVALID_REQUEST` with the path to it. Replies may get further members in later versions.

Errors are problem documents (RFC 9457). `code` is what a program should look at, `params` are the values
that the rule was judged by, `op_index` tells which command of a batch it was. A path that is not here is
`NOT_FOUND`, a method that a path does not take `METHOD_NOT_ALLOWED`. Wherever there is a `GET`, `HEAD` is
answered too.

Commands may carry `Idempotency-Key`, and should: who does not know whether a call was done repeats it
under the same key.""",
}

_TAGS: Final = {
    "commands": "Commands of one character: one by one, or in batches that are all or nothing",
    "inventory": "The inventory of a character, read whole or in part",
    "characters": "Characters: made, found, changed",
    "sessions": "Sessions: loaded, saved, ended. Nobody has to",
    "many characters": "Commands for many characters at a time",
    "items": "The item catalog",
    "service": "The service itself",
}
TAGS: Final = [{"name": name, "description": text} for name, text in _TAGS.items()]


def tag_of(operation: Operation) -> str:
    """The group that it is shown in."""
    path = operation.path
    if not path.startswith("/v1/"):
        return "service"
    if path.startswith(("/v1/items", "/v1/catalog")):
        return "items"
    if not path.startswith("/v1/characters"):
        return "many characters"
    if "/session" in path:
        return "sessions"
    if "/inventory" not in path:
        return "characters"
    return "commands" if operation.conditions else "inventory"
