"""What a request's outcome is to its caller: the reply of the API in JSON, or a problem."""

import logging
from uuid import uuid4

from engine.outcome import Applied
from engine.refusals import Refusal
from gateway.http.problems import Problem, of_persistence_error, of_refusal, of_violations
from gateway.http.reply_shapes import Plan
from gateway.http.responses import encode
from persistence.errors import PersistenceError
from persistence.records import Call, TagMismatch
from persistence.sessions.replies import told_members

_log = logging.getLogger("haversack.gateway")


def of_result(result: bytes | Refusal | TagMismatch, call: Call) -> bytes | Problem:
    """The reply, whose bytes come finished from below; or the problem of a refusal or an old tag."""
    if isinstance(result, bytes):
        return result
    if isinstance(result, Refusal):
        return of_refusal(result)
    return _tag_mismatch(result, call)


def of_preview(result: Applied | tuple[Refusal, ...] | TagMismatch, call: Call) -> bytes | Problem:
    """What the commands would come to; or a problem with all rules that they would break."""
    if isinstance(result, TagMismatch):
        return _tag_mismatch(result, call)
    if isinstance(result, tuple):
        return of_violations(result)
    told = told_members(result.told)
    return encode(Plan(changes=result.changes, **told, capacity=result.capacity))


def of_error(error: Exception, where: str, request_id: str) -> Problem:
    """The problem that an error is; one of our own making goes to the log, and says only its id there.

    ``where`` tells the log what was being done, ``request_id`` the id, if the caller gave one.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, PersistenceError) and (problem := of_persistence_error(error)) is not None:
        return problem
    request_id = request_id or uuid4().hex
    _log.error("%s failed, request %s", where, request_id, exc_info=error, extra={"request_id": request_id})
    return Problem("INTERNAL", params={"request_id": request_id})


def _tag_mismatch(result: TagMismatch, call: Call) -> Problem:
    return Problem(
        "TAG_MISMATCH",
        params={"tag": result.tag, "expected": call.if_match},
        headers={"ETag": f'"{result.tag}"'},
    )
