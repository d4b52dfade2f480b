"""apply: a call's commands in order, all or nothing."""

from collections.abc import Sequence

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
from engine.refusals import Refusal, Refusals
from engine.rules import guards
from engine.rules.consume import consume
from engine.rules.draft import Draft
from engine.rules.drop import drop
from engine.rules.equip import equip
from engine.rules.grant import grant
from engine.rules.lock import lock, unlock
from engine.rules.move import move
from engine.rules.set_actor import set_actor
from engine.rules.sort import sort
from engine.rules.unequip import unequip
from engine.rules.use import use


def apply(draft: Draft, commands: Sequence[Command]) -> Refusal | None:
    """Alter the draft by every command, or answer with the first refusal and its index."""
    for op_index, command in enumerate(commands):
        draft.begin(op_index)
        for refusal in judged(draft, command):
            return Refusal(refusal.code, refusal.params, op_index)
    return None


def judged(draft: Draft, command: Command) -> Refusals:
    """The rule of one command, then what it has left in room, then what only counts after that."""
    yield from dispatch(draft, command)
    if not isinstance(command, SetActorRequest):
        yield from guards.room(draft)
    yield from draft.owed


def dispatch(draft: Draft, command: Command) -> Refusals:
    """The rule of one command."""
    match command:
        case EquipRequest():
            yield from equip(draft, command)
        case UnequipRequest():
            yield from unequip(draft, command)
        case MoveRequest():
            yield from move(draft, command)
        case GrantRequest():
            yield from grant(draft, command)
        case ConsumeRequest():
            yield from consume(draft, command)
        case UseRequest():
            yield from use(draft, command)
        case DropRequest():
            yield from drop(draft, command)
        case LockRequest():
            yield from lock(draft, command)
        case UnlockRequest():
            yield from unlock(draft, command)
        case SortRequest():
            yield from sort(draft, command)
        case SetActorRequest():
            set_actor(draft, command)
