"""The headers, and the one parameter, under which a command is carried out."""

from typing import Final

from aiohttp import web

from gateway.http.condition_values import id_of, operation_id, tag_of
from gateway.http.identity import IDENTITY
from gateway.http.problems import invalid
from gateway.http.requests import header, query
from persistence.records import Call

REQUEST_ID: Final = "X-Request-Id"


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
        return request[IDENTITY].call
    by = request[IDENTITY].name
    return Call(
        by=by,
        request_id=headers.get(REQUEST_ID, ""),
        op_id=operation_id(header(request, "Idempotency-Key"), by, "Idempotency-Key"),
        if_match=_if_match(request),
        durable=_durable(request),
    )


def identifier(request: web.Request, name: str) -> str | None:
    """A header with an id of the caller's making: 1 to 128 printable ASCII characters."""
    value = header(request, name)
    return None if value is None else id_of(value, name)


def _if_match(request: web.Request) -> str:
    value = header(request, "If-Match")
    return "" if value is None else tag_of(value, "If-Match")


def _durable(request: web.Request) -> bool:
    value = header(request, "Inventory-Durability")
    if value not in (None, "memory", "durable"):
        raise invalid("Inventory-Durability", "expected memory or durable")
    return value == "durable"
