"""The middleware: lets in who may, loads sessions, turns errors into problems."""

from contextlib import suppress
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.answers import of_error
from gateway.auth import BearerAuth, unauthenticated
from gateway.conditions import REQUEST_ID, identifier
from gateway.problems import (
    RETRY_AFTER,
    Problem,
    invalid,
    of_http_exception,
)
from gateway.requests import char_id
from persistence.errors import SessionNotLive
from persistence.orchestrator import InventoryOrchestrator

LOADS_MAX: Final = 2


class Gate:
    """Stands before every handler.

    It wraps handlers when they are registered and is not one of aiohttp's middlewares: the
    two coroutines and the lookup that those cost are a twentieth of a short request.
    """

    def __init__(self, auth: BearerAuth, orchestrator: InventoryOrchestrator) -> None:
        """Let in whom ``auth`` admits, and load sessions through ``orchestrator``."""
        self._auth = auth
        self._orchestrator = orchestrator

    def guarded(self, handler: Handler, *, needs_token: bool = True) -> Handler:
        """The handler behind the gate; a problem document comes of every error in it."""
        admits, orchestrator = self._auth.admits, self._orchestrator

        async def guarded_handler(request: web.Request) -> web.StreamResponse:
            request_id = None
            try:
                if REQUEST_ID in request.headers:
                    request_id = identifier(request, REQUEST_ID)
                if needs_token and not admits(request):
                    raise unauthenticated(request)
                try:
                    response = await handler(request)
                except SessionNotLive:
                    response = await _with_session(request, handler, orchestrator)
            except Exception as error:
                # Nobody is there any more to be told; aiohttp knows what to do about that.
                if isinstance(error, ConnectionError) and request.transport is None:
                    raise
                response = _problem(request, error, request_id).response()
            if request_id is not None:
                response.headers[REQUEST_ID] = request_id
            return response

        return guarded_handler


async def _with_session(
    request: web.Request, handler: Handler, orchestrator: InventoryOrchestrator
) -> web.StreamResponse:
    """Load the character's session and run the handler again, which had done nothing yet.

    A session may be evicted between load and call, so it is tried twice; then something is
    wrong that another load does not mend.
    """
    for _ in range(LOADS_MAX):
        await orchestrator.load_session(char_id(request))
        with suppress(SessionNotLive):
            return await handler(request)
    raise not_kept_live()


def not_kept_live() -> Problem:
    """What is told after ``LOADS_MAX`` loads whose sessions had gone again: 503, nothing was done."""
    return Problem("UNAVAILABLE", "The session cannot be kept live: nothing was done.", headers=RETRY_AFTER)


def _problem(request: web.Request, error: Exception, request_id: str | None) -> Problem:
    match error:
        case web.RequestPayloadError():
            return invalid("$", "the body does not keep to its transfer or content coding")
        case web.HTTPException():
            return of_http_exception(error)
    problem = of_error(error, f"{request.method} {request.path}", request_id or "")
    if problem.code == "INTERNAL":
        problem.headers = {REQUEST_ID: str(problem.params["request_id"])}
    return problem
