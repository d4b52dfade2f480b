"""The middleware: lets in who may, loads sessions, turns errors into problems."""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.auth.access import (
    denied,
    denied_character,
    denied_to_players,
    is_for_players,
    over_character_rate,
    over_rate,
)
from gateway.auth.bearer import BearerAuth
from gateway.http.answers import of_error
from gateway.http.conditions import REQUEST_ID, identifier
from gateway.http.connection_limits import BodyTimedOut
from gateway.http.identity import IDENTITY, Identity
from gateway.http.operation import Operation
from gateway.http.problems import (
    RETRY_AFTER,
    Problem,
    invalid,
    of_http_exception,
)
from gateway.http.requests import char_id
from gateway.telemetry.watch import Watch
from persistence.errors import SessionNotLive
from persistence.orchestrator import InventoryOrchestrator

# Two are enough against evictions; while two rulesets serve side by side, a session may be taken away again
# between its load and the call.
LOADS_MAX: Final = 10


class Gate:
    """Stands before every handler.

    It wraps handlers when they are registered and is not one of aiohttp's middlewares: the
    two coroutines and the lookup that those cost are a twentieth of a short request.
    """

    def __init__(
        self, auth: BearerAuth, orchestrator: InventoryOrchestrator, watch: Watch | None = None
    ) -> None:
        """Let in whom ``auth`` knows, load sessions through ``orchestrator``; ``watch`` counts."""
        self._auth = auth
        self._orchestrator = orchestrator
        self._watch = watch

    def guarded(self, handler: Handler, operation: Operation | None, *, is_open: bool = False) -> Handler:
        """The handler behind the gate; a problem document comes of every error in it.

        ``operation`` is None where there is none, and the handler says so; ``is_open``: to those who
        have no token, too. Other handlers find ``IDENTITY`` in the request.
        """
        identify, orchestrator, watch = self._auth.identify, self._orchestrator, self._watch
        scope = None if operation is None else operation.scope
        count = None if watch is None else watch.counting(operation)
        admit = _admission(operation)

        async def guarded_handler(request: web.Request) -> web.StreamResponse:
            request_id = None
            began = perf_counter_ns()
            try:
                if REQUEST_ID in request.headers:
                    request_id = identifier(request, REQUEST_ID)
                if not is_open:
                    # Before it is judged: the log names who was turned away, too.
                    request[IDENTITY] = identity = identify(request)
                    if not identity.unrestricted or scope not in identity.scopes:
                        admit(request, identity)
                try:
                    response = await handler(request)
                except SessionNotLive:
                    response = await _with_session(request, handler, orchestrator)
            except Exception as error:
                # Nobody is there any more to be told; aiohttp knows what to do about that.
                if isinstance(error, ConnectionError) and request.transport is None:
                    if count is not None:
                        count(None, began)
                    raise
                response = _problem(request, error, request_id).response()
            if request_id is not None:
                response.headers[REQUEST_ID] = request_id
            if count is not None:
                count(response, began)
            return response

        return guarded_handler if watch is None else watch.around(operation, guarded_handler)


def _admission(operation: Operation | None) -> Callable[[web.Request, Identity], None]:
    """What lets a caller in or raises the problem: 429 before 403, so that what is denied counts as well."""
    scope = None if operation is None else operation.scope
    for_players = is_for_players(operation)
    of_character = operation is not None and operation.of_character

    def admit(request: web.Request, identity: Identity) -> None:
        if (problem := over_rate(identity)) is not None:
            raise problem
        if scope is not None and scope not in identity.scopes:
            raise denied(scope)
        if identity.char_id is not None and operation is not None and not for_players:
            raise denied_to_players(operation.name)
        if not of_character:
            return
        named = char_id(request)
        if identity.char_id not in (None, named):
            raise denied_character(named)
        if (problem := over_character_rate(identity, named)) is not None:
            raise problem

    return admit


async def _with_session(
    request: web.Request, handler: Handler, orchestrator: InventoryOrchestrator
) -> web.StreamResponse:
    """Load the character's session and run the handler again, which had done nothing yet.

    A session may be evicted between load and call, so it is tried again; after so many times something is
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
        case BodyTimedOut():
            return Problem("REQUEST_TIMEOUT", headers={"Connection": "close"})
        case web.RequestPayloadError():
            return invalid("$", "the body does not keep to its transfer or content coding")
        case web.HTTPException():
            return of_http_exception(error)
    problem = of_error(error, f"{request.method} {request.path}", request_id or "")
    if problem.code == "INTERNAL":
        problem.headers = {REQUEST_ID: str(problem.params["request_id"])}
    return problem
