"""Everything that a call may raise.

HaversackError
├── NotReached               the service could not be asked; nothing was done
├── NoAnswer                 no answer came; of a read, or of a call without a key
├── OutcomeUnknown           a change may have been done, and the time for finding out is over
├── UnexpectedAnswer         what came is no answer of this API
└── Problem                  the service says what is wrong
├── Refused              the rules of the game say no
├── TagMismatch          the inventory has changed since
├── InvalidRequest       the service does not understand it
├── Unauthenticated      no token, or a wrong one
├── AccessDenied         the token may not do this
├── NotFound             there is no such thing
│   └── CharacterNotFound
├── AlreadyExists        the id is taken
├── IdempotencyMismatch  the key was used for something else
├── CharacterQuarantined an operator has to look at it first
├── ServerFault          a fault of the service
└── Unavailable          nothing was done, and repeating it has not helped in time
├── Conflict
└── RateLimited
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct


class Violation(Struct, frozen=True):
    """One of several things that are wrong with a request."""

    code: str
    params: dict[str, Any]
    op_index: int | None = None


class HaversackError(Exception):
    """What all errors of this client have in common."""

    # Repeating the same call may mend it.
    transient: bool = False
    # Whether the call may have been done all the same.
    may_have_been_done: bool = False
    # Whether it tells also what became of earlier attempts at the same call.
    settles: ClassVar[bool] = False
    # How long the service asks to be left alone.
    retry_after_s: float = 0.0


class NotReached(HaversackError):
    """The service could not be asked, so nothing was done."""

    transient = True

    def __init__(self, message: str, *, transient: bool = True) -> None:
        """Not ``transient``: trying again would come to the same, as with a wrong certificate."""
        super().__init__(message)
        self.transient = transient


class NoAnswer(HaversackError):
    """A request was on its way, and no answer came."""

    transient = True
    may_have_been_done = True


class OutcomeUnknown(HaversackError):
    """A change may have been done or not, and its time is over; ``__cause__`` is what went wrong last.

    To learn it, call again with the same commands and ``idempotency_key``. That does nothing twice as
    long as the service remembers the key: through 64 operations of the character, and for 24 hours.
    The key is None where the call had none.
    """

    may_have_been_done = True

    def __init__(self, idempotency_key: str | None) -> None:
        """``idempotency_key`` is the call's."""
        super().__init__(f"it may have been done or not (idempotency key: {idempotency_key})")
        self.idempotency_key = idempotency_key


class UnexpectedAnswer(HaversackError):
    """What came is no answer of this API: another server, another version."""

    may_have_been_done = True


class Problem(HaversackError):
    """A problem document (RFC 9457). Programs look at ``code`` and ``params``; ``detail`` is for people.

    ``op_index``: which command of the call it is about, or None. ``violations``: all that is wrong,
    where that is several things. ``request_id``: by which the service's log knows the call, or "".
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int = 0,
        params: Mapping[str, Any] | None = None,
        op_index: int | None = None,
        violations: Sequence[Violation] = (),
        request_id: str = "",
        retry_after_s: float = 0.0,
    ) -> None:
        """``retry_after_s`` is 0 where the service says nothing of it."""
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.status = status
        self.params = params or {}
        self.op_index = op_index
        self.violations = tuple(violations)
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class Refused(Problem):
    """The rules of the game say no: nothing was changed. ``code`` is a ``RefusalCode``."""

    settles = True


class TagMismatch(Problem):
    """The inventory is not at the tag that was asked for: nothing was done."""

    settles = True

    @property
    def tag(self) -> str:
        """The tag that it is at."""
        return str(self.params.get("tag", ""))


class InvalidRequest(Problem):
    """The service does not understand the request; ``params["path"]`` says where. Nothing was done."""

    settles = True


class Unauthenticated(Problem):
    """No token, or a wrong one."""


class AccessDenied(Problem):
    """The token does not allow this."""


class NotFound(Problem):
    """There is no such thing: item, template, path."""

    settles = True


class CharacterNotFound(NotFound):
    """There is no such character."""


class AlreadyExists(Problem):
    """The character's id is taken."""

    settles = True


class IdempotencyMismatch(Problem):
    """The key was used for other commands: nothing was done."""

    settles = True


class CharacterQuarantined(Problem):
    """The character cannot be loaded until an operator has looked at it."""


class ServerFault(Problem):
    """A fault of the service; ``request_id`` is in its log."""

    may_have_been_done = True


class Unavailable(Problem):
    """Nothing was done, and repeating it has not helped in time.

    ``code``: ``UNAVAILABLE``, a server behind the service is away; ``BACKPRESSURE``, too much of this
    character waits to be stored.
    """

    transient = True


class Conflict(Unavailable):
    """Others changed the inventory each time that the command was to be committed."""


class RateLimited(Unavailable):
    """Too many requests."""


class Doubtful(Problem):
    """The service itself does not know. Nobody gets to see it: it becomes ``OutcomeUnknown``."""

    transient = True
    may_have_been_done = True
