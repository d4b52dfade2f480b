"""apply: a call's commands in order, all or nothing."""

from collections.abc import Sequence

from engine.commands import (
    Command,
    ConsumeRequest,
    DropRequest,
    EquipRequest,
    GrantRequest,
    MoveRequest,
    SetActorRequest,
    UnequipRequest,
)
from engine.refusals import Refusal
from engine.rules import guards
from engine.rules.consume import consume
from engine.rules.draft import Draft
from engine.rules.drop import drop
from engine.rules.equip import equip
from engine.rules.grant import grant
from engine.rules.move import move
from engine.rules.set_actor import set_actor
from engine.rules.unequip import unequip


def apply(draft: Draft, commands: Sequence[Command]) -> Refusal | None:
    """Alter the draft by every command, or answer with the first refusal and its index."""
    for op_index, command in enumerate(commands):
        draft.begin(op_index)
        refusal = dispatch(draft, command)
        if refusal is None and not isinstance(command, SetActorRequest):
            refusal = guards.room(draft)
        if refusal is not None:
            return Refusal(refusal.code, refusal.params, op_index)
    return None


def dispatch(draft: Draft, command: Command) -> Refusal | None:
    """The rule of one command; what it leaves in room is judged by ``apply``."""
    match command:
        case EquipRequest():
            return equip(draft, command)
        case UnequipRequest():
            return unequip(draft, command)
        case MoveRequest():
            return move(draft, command)
        case GrantRequest():
            return grant(draft, command)
        case ConsumeRequest():
            return consume(draft, command)
        case DropRequest():
            return drop(draft, command)
        case SetActorRequest():
            set_actor(draft, command)
            return None
