"""Problem documents (RFC 9457): how every error looks on the wire."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from engine.refusals import Param, Refusal
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.http.responses import SERVER, encode
from persistence.errors import (
    Backpressure,
    CharacterExists,
    CharacterNotFound,
    CharacterQuarantined,
    Conflict,
    IdempotencyMismatch,
    InvalidWords,
    OutcomeUnknown,
    PersistenceError,
    Unavailable,
)

RETRY_AFTER: Final = {"Retry-After": "1"}
_TEXT_LENGTH_MAX: Final = 300
_HEADERS: Final = {"Content-Type": "application/problem+json", "Server": SERVER}


class Violation(Struct, frozen=True):
    """One of several things that are wrong with a request."""

    code: str
    params: dict[str, Param]
    op_index: int | None = None


class ProblemDocument(Struct, frozen=True):
    """``application/problem+json``. ``type`` and ``code`` are stable; ``op_index``: which command."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    params: Mapping[str, Param]
    op_index: int | None
    violations: tuple[Violation, ...] | UnsetType = UNSET


class Problem(Exception):
    """A request that cannot be answered; becomes a problem document.

    ``params`` are the values it was judged by, ``detail`` one sentence, made from title and
    params when not given; ``headers`` go beside the document.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        params: Mapping[str, Param] | None = None,
        op_index: int | None = None,
        violations: Sequence[Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``code`` is one of ``PROBLEM_KINDS``."""
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.params = params or {}
        self.op_index = op_index
        self.violations = tuple(violations)
        self.headers = headers

    def document(self) -> bytes:
        """The problem document."""
        kind = PROBLEM_KINDS[self.code]
        return encode(
            ProblemDocument(
                type="urn:haversack:problem:" + self.code.lower().replace("_", "-"),
                title=kind.title,
                status=kind.status,
                code=self.code,
                detail=self.detail or _sentence(kind.title, self.params),
                params=self.params,
                op_index=self.op_index,
                violations=self.violations or UNSET,
            )
        )

    def response(self) -> "ProblemResponse":
        """The problem document as a response."""
        return ProblemResponse(self)


class ProblemResponse(web.Response):
    """A problem document on its way; ``code`` is for those who count them."""

    def __init__(self, problem: Problem) -> None:
        """Its status is that of the code."""
        super().__init__(
            body=problem.document(),
            status=PROBLEM_KINDS[problem.code].status,
            headers={**_HEADERS, **(problem.headers or {})},
        )
        self.code = problem.code


def invalid(path: str, message: str, *, op_index: int | None = None) -> Problem:
    """400: ``path`` says which field, header or parameter, ``message`` what is wrong with it."""
    path, message = shortened(path), shortened(message)
    return Problem("INVALID_REQUEST", f"{path}: {message}.", params={"path": path}, op_index=op_index)


def invalid_words(errors: Sequence[str], within: str = "") -> Problem:
    """400 for words that the ruleset does not know, each ``path: word``; ``within`` begins the paths."""
    violations = []
    for error in errors:
        path, _, word = error.partition(": ")
        params: dict[str, Param] = {"path": shortened(within + path), "word": shortened(word)}
        violations.append(Violation("INVALID_REQUEST", params))
    listed = ", ".join(f"{violation.params['path']}: {violation.params['word']}" for violation in violations)
    return Problem(
        "INVALID_REQUEST",
        f"The ruleset does not know {shortened(listed)}.",
        params=violations[0].params if violations else {},
        violations=violations if len(violations) > 1 else (),
    )


def of_refusal(refusal: Refusal) -> Problem:
    """A refusal of the rules, code and params as they are."""
    return Problem(refusal.code.value, params=refusal.params, op_index=refusal.op_index)


def of_violations(refusals: Sequence[Refusal]) -> Problem:
    """All rules that a previewed call would break; the problem itself is that of the first."""
    first = refusals[0]
    return Problem(
        first.code.value,
        params=first.params,
        op_index=first.op_index,
        violations=[Violation(refusal.code.value, refusal.params, refusal.op_index) for refusal in refusals],
    )


def of_persistence_error(error: PersistenceError) -> Problem | None:
    """The problem that an error below stands for; None for one that no caller can do anything about."""
    match error:
        case CharacterNotFound(char_id=char_id):
            return Problem("CHARACTER_NOT_FOUND", params={"char_id": char_id})
        case CharacterExists(char_id=char_id):
            return Problem("ALREADY_EXISTS", params={"char_id": char_id})
        case CharacterQuarantined():
            return Problem("CHARACTER_QUARANTINED")
        case Conflict():
            return Problem("CONFLICT", headers=RETRY_AFTER)
        case InvalidWords(errors=errors):
            return invalid_words(errors)
        case IdempotencyMismatch():
            return Problem("IDEMPOTENCY_MISMATCH")
        case Backpressure():
            return Problem("BACKPRESSURE", headers=RETRY_AFTER)
        case Unavailable():
            return Problem("UNAVAILABLE", headers=RETRY_AFTER)
        case OutcomeUnknown():
            return Problem("OUTCOME_UNKNOWN")
    return None


def of_http_exception(error: web.HTTPException) -> Problem:
    """What aiohttp itself raises in a handler: the body is too large, or something else is wrong."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem("BODY_TOO_LARGE")
    return Problem("INVALID_REQUEST", f"The request cannot be understood: {error.reason}.")


def shortened(text: str) -> str:
    """Text that may come from the caller, short enough to be sent back."""
    return text if len(text) <= _TEXT_LENGTH_MAX else text[:_TEXT_LENGTH_MAX] + "…"


def _sentence(title: str, params: Mapping[str, Param]) -> str:
    if not params:
        return f"{title}."
    return f"{title} ({', '.join(f'{name}: {_word(value)}' for name, value in params.items())})."


def _word(value: Param) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
