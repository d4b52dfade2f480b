"""The headers, and the one parameter, under which a command is carried out."""

import re
from typing import Final

from aiohttp import web

from gateway.problems import invalid
from gateway.requests import header, query
from persistence.records import Call

SERVICE: Final = "service"
REQUEST_ID: Final = "X-Request-Id"
_UNCONDITIONAL = Call(by=SERVICE)
_ID = re.compile(r"[\x20-\x7e]{1,128}")
_TAG = re.compile(r'("?)([0-9]{1,19}\.[0-9]{1,19})(?:\+[0-9]{1,19})?\1')


def dry_run(request: web.Request) -> bool:
    """Whether the caller only asks: ``?dry_run=true``."""
    value = query(request, "dry_run").get("dry_run", "false")
    if value not in ("true", "false"):
        raise invalid("dry_run", "expected true or false")
    return value == "true"


def call(request: web.Request) -> Call:
    """Who calls and under which conditions; 400 for a condition that makes no sense.

    ``Idempotency-Key``: 1 to 128 printable ASCII characters. ``If-Match``: one tag, quoted as in
    ``ETag`` or bare as in a reply's ``tag``, or ``*``. ``Inventory-Durability``: ``memory`` or
    ``durable``. ``X-Request-Id`` goes into the journal; the middleware has checked it.
    """
    headers = request.headers
    if not (
        REQUEST_ID in headers
        or "Idempotency-Key" in headers
        or "If-Match" in headers
        or "Inventory-Durability" in headers
    ):
        return _UNCONDITIONAL
    return Call(
        by=SERVICE,
        request_id=headers.get(REQUEST_ID, ""),
        op_id=identifier(request, "Idempotency-Key") or "",
        if_match=_if_match(request),
        durable=_durable(request),
    )


def identifier(request: web.Request, name: str) -> str | None:
    """A header with an id of the caller's making: 1 to 128 printable ASCII characters."""
    value = header(request, name)
    if value is not None and not _ID.fullmatch(value):
        raise invalid(name, "expected 1 to 128 printable ASCII characters")
    return value


def _if_match(request: web.Request) -> str:
    value = header(request, "If-Match")
    # "*" asks only that there be a current state, and a character always has one.
    if value is None or value == "*":
        return ""
    # What follows "+" tells apart representations of one state, and a command is about the state.
    tag = _TAG.fullmatch(value)
    if tag is None:
        raise invalid("If-Match", "expected one entity tag of this inventory, or *")
    return tag[2]


def _durable(request: web.Request) -> bool:
    value = header(request, "Inventory-Durability")
    if value not in (None, "memory", "durable"):
        raise invalid("Inventory-Durability", "expected memory or durable")
    return value == "durable"
