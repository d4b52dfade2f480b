"""What a problem document must look like, whatever it is about."""

import json
from typing import Any

from aiohttp import ClientResponse

from gateway.http.problem_codes import PROBLEM_KINDS

FIELDS = {"type", "title", "status", "code", "detail", "params", "op_index"}


async def problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The document, after everything that holds for all of them was checked."""
    body = await response.read()
    assert response.status == status, body
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(body)
    check(document, status, code)
    return document


def check(document: dict[str, Any], status: int, code: str) -> None:
    """Check fields, types and that status, code and type belong together."""
    assert set(document) - {"violations"} == FIELDS
    assert (document["status"], document["code"]) == (status, code), document
    assert PROBLEM_KINDS[code].status == status
    assert document["type"] == "urn:haversack:problem:" + code.lower().replace("_", "-")
    assert document["title"] and document["detail"].endswith((".", "…."))
    assert isinstance(document["params"], dict)
    assert len(document["detail"]) < 1000
