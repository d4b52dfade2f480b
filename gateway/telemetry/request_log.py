"""A line in the log for each request, for whoever turns it on; one costs about as much as a move."""

import logging
from time import perf_counter_ns
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.http.conditions import REQUEST_ID
from gateway.http.identity import IDENTITY
from gateway.http.operation import Operation
from gateway.http.problems import ProblemResponse
from gateway.telemetry.measures import ABANDONED, NO_OPERATION, NOT_MODIFIED, OK

_log: Final = logging.getLogger("haversack.requests")


def logged(operation: Operation | None, handler: Handler) -> Handler:
    """The handler, and a line when it has answered; what stands in a query is not told."""
    name = NO_OPERATION if operation is None else operation.name

    async def logged_handler(request: web.Request) -> web.StreamResponse:
        begun = perf_counter_ns()
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
            return response
        finally:
            _tell(request, response, name, (perf_counter_ns() - begun) / 1e6)

    return logged_handler


def _tell(request: web.Request, response: web.StreamResponse | None, operation: str, ms: float) -> None:
    status = 0 if response is None else response.status
    code = code_of(response)
    identity = request.get(IDENTITY)
    fields = {
        "operation": operation,
        "method": request.method,
        "path": request.path,
        "status": status,
        "code": code,
        "ms": round(ms, 3),
        "by": "" if identity is None else identity.name,
        "remote": request.remote or "",
        "request_id": request.headers.get(REQUEST_ID, ""),
    }
    _log.info("%s %s: %d %s in %.1f ms", request.method, request.path, status, code, ms, extra=fields)


def code_of(response: web.StreamResponse | None) -> str:
    """What a request was answered, as it is counted."""
    if response is None:
        return ABANDONED
    if isinstance(response, ProblemResponse):
        return response.code
    return NOT_MODIFIED if response.status == 304 else OK
