"""From a problem document to the error that it is."""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from haversack_client.errors import (
    AccessDenied,
    AlreadyExists,
    CharacterNotFound,
    CharacterQuarantined,
    Conflict,
    Doubtful,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    Problem,
    RateLimited,
    Refused,
    ServerFault,
    TagMismatch,
    Unauthenticated,
    Unavailable,
    Violation,
)


class RefusalCode(StrEnum):
    """What the rules refuse for, in their order: where several apply, the first is named."""

    ITEM_NOT_FOUND = "ITEM_NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    ITEM_HELD = "ITEM_HELD"
    FROZEN = "FROZEN"
    ITEM_LOCKED = "ITEM_LOCKED"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    UNKNOWN_SLOT = "UNKNOWN_SLOT"
    UNKNOWN_CONTAINER = "UNKNOWN_CONTAINER"
    UNKNOWN_TEMPLATE = "UNKNOWN_TEMPLATE"
    ACTOR_STATE_FORBIDS = "ACTOR_STATE_FORBIDS"
    NOT_WEARABLE = "NOT_WEARABLE"
    WRONG_SLOT = "WRONG_SLOT"
    NOT_USABLE = "NOT_USABLE"
    LEVEL_TOO_LOW = "LEVEL_TOO_LOW"
    CLASS_NOT_ALLOWED = "CLASS_NOT_ALLOWED"
    ATTRIBUTE_TOO_LOW = "ATTRIBUTE_TOO_LOW"
    UNIQUE_EQUIPPED = "UNIQUE_EQUIPPED"
    CARRY_LIMIT = "CARRY_LIMIT"
    LIMIT_GROUP = "LIMIT_GROUP"
    CONTAINER_REJECTS_ITEM = "CONTAINER_REJECTS_ITEM"
    SLOT_OUT_OF_RANGE = "SLOT_OUT_OF_RANGE"
    SLOT_OCCUPIED = "SLOT_OCCUPIED"
    CANNOT_STACK = "CANNOT_STACK"
    STACK_FULL = "STACK_FULL"
    CONTAINER_FULL = "CONTAINER_FULL"
    TOO_HEAVY = "TOO_HEAVY"
    CAPACITY_IN_USE = "CAPACITY_IN_USE"
    INSUFFICIENT_ITEMS = "INSUFFICIENT_ITEMS"
    ITEM_BOUND = "ITEM_BOUND"
    NOT_TRADEABLE = "NOT_TRADEABLE"
    NOT_DESTROYABLE = "NOT_DESTROYABLE"


class ProblemDocument(Struct, frozen=True):
    """``application/problem+json``, and what a refused request of many is answered with."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    params: dict[str, Any]
    op_index: int | None
    violations: tuple[Violation, ...] = ()


_BY_CODE: Final[dict[str, type[Problem]]] = {
    "INVALID_REQUEST": InvalidRequest,
    "METHOD_NOT_ALLOWED": InvalidRequest,
    "BODY_TOO_LARGE": InvalidRequest,
    "UNSUPPORTED_MEDIA_TYPE": InvalidRequest,
    "UNAUTHENTICATED": Unauthenticated,
    "ACCESS_DENIED": AccessDenied,
    "NOT_FOUND": NotFound,
    "ITEM_NOT_FOUND": NotFound,
    "UNKNOWN_TEMPLATE": NotFound,
    "CHARACTER_NOT_FOUND": CharacterNotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "TAG_MISMATCH": TagMismatch,
    "IDEMPOTENCY_MISMATCH": IdempotencyMismatch,
    "CHARACTER_QUARANTINED": CharacterQuarantined,
    "CONFLICT": Conflict,
    "RATE_LIMITED": RateLimited,
    "REQUEST_TIMEOUT": Unavailable,
    "UNAVAILABLE": Unavailable,
    "BACKPRESSURE": Unavailable,
    "OUTCOME_UNKNOWN": Doubtful,
    "INTERNAL": ServerFault,
}

# What a code that this version does not know is taken for.
_BY_STATUS: Final[dict[int, type[Problem]]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: AccessDenied,
    404: NotFound,
    408: Unavailable,
    429: RateLimited,
    500: ServerFault,
}

# An answer among many has no header, and what may be repeated may be after a second if it says nothing else.
RETRY_AFTER_S: Final = 1.0


def problem_of(
    document: ProblemDocument, *, request_id: str = "", retry_after_s: float | None = None
) -> Problem:
    """The error; ``retry_after_s`` None where there are no headers that could say it.

    What is about a command is a refusal, where the code is one or is none that this version knows.
    """
    code, is_of_a_command = document.code, document.op_index is not None
    if is_of_a_command and (code in RefusalCode.__members__ or code not in _BY_CODE):
        kind: type[Problem] = Refused
    else:
        kind = _BY_CODE.get(code) or _BY_STATUS.get(document.status, Problem)
    if retry_after_s is None:
        usual = RETRY_AFTER_S if issubclass(kind, Unavailable) else 0.0
        said = document.params.get("retry_after_s")
        retry_after_s = float(said) if isinstance(said, int | float) else usual
    return kind(
        code,
        document.detail,
        status=document.status,
        params=document.params,
        op_index=document.op_index,
        violations=document.violations,
        request_id=request_id or str(document.params.get("request_id", "")),
        retry_after_s=retry_after_s,
    )


def problem_of_status(status: int, *, request_id: str = "", retry_after_s: float = 0.0) -> Problem | None:
    """The error of an answer whose document cannot be read; None where the status says too little."""
    codes = {
        400: "INVALID_REQUEST",
        401: "UNAUTHENTICATED",
        403: "ACCESS_DENIED",
        404: "NOT_FOUND",
        429: "RATE_LIMITED",
        503: "UNAVAILABLE",
    }
    if status not in codes:
        return None
    code = codes[status]
    return _BY_CODE[code](code, status=status, request_id=request_id, retry_after_s=retry_after_s)
