"""Bodies of commands: one command's fields, or a batch."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from engine.commands import (
    Batch,
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
from gateway.http.problems import invalid
from gateway.http.requests import decoded

C = TypeVar(
    "C",
    EquipRequest,
    UnequipRequest,
    MoveRequest,
    GrantRequest,
    ConsumeRequest,
    UseRequest,
    DropRequest,
    LockRequest,
    UnlockRequest,
    SortRequest,
    SetActorRequest,
)


class ExecuteRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"commands": [{"op": "move", …}, …]}``: 1 to 100 commands, in order, all or nothing."""

    commands: Batch


# Made once: a decoder compiles its type.
EQUIP = msgspec.json.Decoder(EquipRequest)
UNEQUIP = msgspec.json.Decoder(UnequipRequest)
MOVE = msgspec.json.Decoder(MoveRequest)
GRANT = msgspec.json.Decoder(GrantRequest)
CONSUME = msgspec.json.Decoder(ConsumeRequest)
USE = msgspec.json.Decoder(UseRequest)
DROP = msgspec.json.Decoder(DropRequest)
LOCK = msgspec.json.Decoder(LockRequest)
UNLOCK = msgspec.json.Decoder(UnlockRequest)
SORT = msgspec.json.Decoder(SortRequest)
SET_ACTOR = msgspec.json.Decoder(SetActorRequest)
_EXECUTE = msgspec.json.Decoder(ExecuteRequest)


def single(decoder: msgspec.json.Decoder[C], body: bytes) -> C:
    """One command; 400 for a reference "@n", for there is no earlier command that it could mean."""
    command = decoded(decoder, body)
    item_id = getattr(command, "item_id", None)
    if item_id is not None and item_id[0] == "@":
        raise invalid("item_id", "a reference to an earlier command has a meaning only in execute")
    return command


def batch(body: bytes, commands_max: int) -> tuple[Command, ...]:
    """The commands of ``execute``, at most ``commands_max``, which is the ruleset's limit."""
    commands = decoded(_EXECUTE, body).commands
    if len(commands) > commands_max:
        raise invalid("commands", f"expected at most {commands_max} commands")
    return commands
