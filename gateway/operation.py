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
    right that a token needs, None where nobody is asked for one. ``body`` and ``reply`` are what
    is decoded and encoded, None where there is nothing or no JSON. ``conditions`` says whether it
    takes the headers of commands, ``problems`` which codes it may answer beside those of all.
    """

    name: str
    method: str
    path: str
    scope: Scope | None
    summary: str
    body: Any = None
    reply: Any = None
    status: int = 200
    query: tuple[Parameter, ...] = ()
    conditions: bool = False
    problems: tuple[str, ...] = ()

    @property
    def of_character(self) -> bool:
        """Whether it is about the one character that its path names."""
        return "{char_id}" in self.path
