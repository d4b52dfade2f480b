"""What an operation of the API is: where it stands, who may call it, what goes in and what comes out."""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from engine.commands import (
    Command,
    ConsumeRequest,
    DropRequest,
    EquipRequest,
    GrantRequest,
    LockRequest,
    MoveRequest,
    SetActorRequest,
    SortRequest,
    UnequipRequest,
    UnlockRequest,
    UseRequest,
)

JSON: Final = "application/json"


class Scope(StrEnum):
    """A right that a token has or has not; none of them includes another."""

    READ = "read"
    PLAY = "play"
    GRANT = "grant"
    OPERATE = "operate"


# What a player does with what is already theirs is play. What makes or takes things, or says what the
# character is, only the game may do.
SCOPE_OF_COMMAND: Final[dict[type[Command], Scope]] = {
    EquipRequest: Scope.PLAY,
    UnequipRequest: Scope.PLAY,
    MoveRequest: Scope.PLAY,
    UseRequest: Scope.PLAY,
    DropRequest: Scope.PLAY,
    LockRequest: Scope.PLAY,
    UnlockRequest: Scope.PLAY,
    SortRequest: Scope.PLAY,
    GrantRequest: Scope.GRANT,
    ConsumeRequest: Scope.GRANT,
    SetActorRequest: Scope.GRANT,
}


class Parameter(Struct, frozen=True, kw_only=True):
    """A query parameter; ``type`` is what its text stands for."""

    name: str
    type: Any
    summary: str


class Operation(Struct, frozen=True, kw_only=True):
    """A method at a path.

    ``name`` never changes: clients are made of it, and metrics are counted by it. ``scope`` is the
    right that a token needs, None where nobody is asked for one. ``summary`` is a few words, and
    ``description`` what has to be known beside them.

    ``body`` and ``reply`` are what is decoded and encoded, None where there is nothing; their media
    types are JSON's if nothing else is said. ``status`` is that of the reply, which ``also`` others
    may have. ``tagged``: the reply has an ``ETag``, and 304 is answered to who has it already.
    ``headers`` are others that come with it; ``takes`` are headers of its own that a call may have, by
    their names in ``gateway/openapi/parameters.py``. ``conditions`` says whether it takes the headers of
    commands, ``problems`` which codes it may answer beside those that ``codes`` adds.
    """

    name: str
    method: str
    path: str
    scope: Scope | None
    summary: str
    description: str = ""
    body: Any = None
    body_media_types: tuple[str, ...] = (JSON,)
    reply: Any = None
    reply_media_type: str = JSON
    status: int = 200
    also: tuple[int, ...] = ()
    tagged: bool = False
    headers: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    query: tuple[Parameter, ...] = ()
    conditions: bool = False
    problems: tuple[str, ...] = ()

    @property
    def of_character(self) -> bool:
        """Whether it is about the one character that its path names."""
        return "{char_id}" in self.path

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that it may answer, each once: what follows from its kind, then its own."""
        codes = ["INVALID_REQUEST", "INTERNAL"]
        if self.scope is not None:
            codes += ("UNAUTHENTICATED", "ACCESS_DENIED", "RATE_LIMITED", "UNAVAILABLE")
        if self.of_character:
            codes.append("CHARACTER_NOT_FOUND")
        if self.body is not None:
            codes += ("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT")
        if self.conditions:
            codes += ("TAG_MISMATCH", "IDEMPOTENCY_MISMATCH", "BACKPRESSURE", "OUTCOME_UNKNOWN")
        return tuple(dict.fromkeys((*codes, *self.problems)))
