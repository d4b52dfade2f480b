"""Validators for the schemas of a document."""

import copy
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Node = dict[str, Any]


class Schemas:
    """What the document says of bodies and replies.

    Replies are held to it more strictly than it says itself: a member that it does not name may be
    there in a later version, but in this one it was forgotten.
    """

    def __init__(self, document: Node) -> None:
        self.document = document
        self._open = document["components"]
        self._closed = _closed(document["components"])

    def operations(self) -> Iterator[tuple[str, str, Node]]:
        """Path, method and what is said of each operation."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def named(self, name: str) -> Node:
        """An operation."""
        return next(one for _, _, one in self.operations() if one["operationId"] == name)

    def resolved(self, node: Node) -> Node:
        """What a node refers to, if it does."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def response(self, operation: Node, status: int) -> Node:
        """What is said of a status; an assertion where nothing is."""
        said = operation["responses"].get(str(status))
        assert said is not None, (operation["operationId"], status)
        return self.resolved(said)

    def errors(self, schema: Node, value: Any, *, closed: bool = False) -> list[str]:
        """What of a value is not as the schema says."""
        root = {**schema, "components": self._closed if closed else self._open}
        return [
            f"{error.json_path}: {error.message}" for error in Draft202012Validator(root).iter_errors(value)
        ]

    def check_reply(self, operation: Node, status: int, media_type: str, body: Any) -> None:
        """Assert that the document has told status, media type and body."""
        said = self.response(operation, status)
        content = said.get("content", {})
        assert media_type in content, (operation["operationId"], status, media_type)
        assert self.errors(content[media_type]["schema"], body, closed=True) == [], body


def _closed(components: Node) -> Node:
    components = copy.deepcopy(components)
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    # Whose members stand beside those of another schema.
    return components
