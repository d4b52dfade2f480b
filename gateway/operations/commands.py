"""The operations of commands: one path each, their fields as the body, and what refuses them.

The refusals are those of docs/rules.md, "Refusals", command by command.
"""

from typing import Any, Final

from engine.commands import (
    ConsumeRequest,
    DropRequest,
    EquipRequest,
    GrantRequest,
    LockRequest,
    MoveRequest,
    SortRequest,
    UnequipRequest,
    UnlockRequest,
    UseRequest,
)
from engine.refusals import RefusalCode
from gateway.handlers.commands import ExecuteRequest
from gateway.http.operation import SCOPE_OF_COMMAND, Operation, Parameter, Scope
from gateway.http.reply_shapes import CommandReply, Plan

DRY_RUN: Final = Parameter(
    name="dry_run", type=bool, summary="True: only judge it. Nothing changes, and all broken rules are named."
)

# What every command but `set_actor` may end in, and whose items may be in question.
_ROOM: Final = ("TOO_HEAVY", "CAPACITY_IN_USE")
_OWNED: Final = ("ITEM_BOUND", "NOT_TRADEABLE")
_ITEM: Final = ("ITEM_NOT_FOUND", "ITEM_HELD", "FROZEN")
_REQUIRED: Final = ("LEVEL_TOO_LOW", "CLASS_NOT_ALLOWED", "ATTRIBUTE_TOO_LOW")
_WORN: Final = ("NOT_WEARABLE", "WRONG_SLOT", *_REQUIRED, "UNIQUE_EQUIPPED", "LIMIT_GROUP")
_PLACED: Final = ("ACTOR_STATE_FORBIDS", "CONTAINER_REJECTS_ITEM", "CONTAINER_FULL", "STACK_FULL")
_MOVED: Final = (
    *_ITEM, "INVALID_QUANTITY", "UNKNOWN_CONTAINER", "UNKNOWN_SLOT", *_PLACED, *_WORN, "SLOT_OUT_OF_RANGE",
    "SLOT_OCCUPIED", "CANNOT_STACK", "INSUFFICIENT_ITEMS", *_ROOM, *_OWNED,
)  # fmt: skip
_GRANTED: Final = (
    "ALREADY_EXISTS", "INVALID_QUANTITY", "UNKNOWN_CONTAINER", "UNKNOWN_TEMPLATE", "CARRY_LIMIT",
    "LIMIT_GROUP", "CONTAINER_REJECTS_ITEM", "CONTAINER_FULL", *_ROOM, *_OWNED,
)  # fmt: skip


def command_operations(inventory: str) -> tuple[Operation, ...]:
    """All of them, at paths below ``inventory``."""

    def command(
        name: str,
        body: Any,  # noqa: ANN401 - a type
        summary: str,
        description: str,
        problems: tuple[str, ...],
    ) -> Operation:
        return Operation(
            name=name,
            method="POST",
            path=f"{inventory}/{name}",
            scope=SCOPE_OF_COMMAND.get(body, Scope.PLAY),
            summary=summary,
            description=description,
            body=body,
            reply=(CommandReply, Plan),
            query=(DRY_RUN,),
            conditions=True,
            problems=("CHARACTER_QUARANTINED", "CONFLICT", *problems),
        )

    return (
        command(
            "equip",
            EquipRequest,
            "Wear an item",
            "What is worn there gives way, to the place that the item left or to one found for it.",
            (*_ITEM, "UNKNOWN_SLOT", *_WORN, *_PLACED, *_ROOM, *_OWNED),
        ),
        command(
            "unequip",
            UnequipRequest,
            "Take an item off",
            "To the place in `to`, or to one found for it.",
            _MOVED,
        ),
        command(
            "move",
            MoveRequest,
            "Place, split, merge or swap",
            "Onto an empty slot it is placed, or with a smaller `quantity` split; onto a stack of the same "
            "template merged; onto anything else the two change places. Without a slot, stacks are filled "
            "first, then free slots.",
            _MOVED,
        ),
        command(
            "grant",
            GrantRequest,
            "Make items",
            "All of them or none, unless `partial`. An `item_id` names an instance that was made elsewhere.",
            _GRANTED,
        ),
        command(
            "consume",
            ConsumeRequest,
            "Take items away",
            "Of one stack by `item_id`, or by `template_id` from the smallest stacks first.",
            (*_ITEM, "ITEM_LOCKED", "ACTOR_STATE_FORBIDS", "INSUFFICIENT_ITEMS", *_ROOM),
        ),
        command(
            "use",
            UseRequest,
            "Use an item up",
            "Judges whether it may be used, takes one away if its template says so, and names the template "
            "under `effect`: what that does is the game's.",
            (*_ITEM, "ITEM_LOCKED", "ACTOR_STATE_FORBIDS", "NOT_USABLE", *_REQUIRED, *_ROOM),
        ),
        command(
            "drop",
            DropRequest,
            "Destroy an item",
            "The whole stack, or `quantity` of it.",
            (*_ITEM, "ITEM_LOCKED", "ACTOR_STATE_FORBIDS", "INSUFFICIENT_ITEMS", *_ROOM, "NOT_DESTROYABLE"),
        ),
        command(
            "lock", LockRequest, "Keep an item from being consumed, used or dropped", "", (*_ITEM, *_ROOM)
        ),
        command("unlock", UnlockRequest, "Undo a lock", "", (*_ITEM, *_ROOM)),
        command(
            "sort",
            SortRequest,
            "Put a container in order",
            "Merges stacks, then orders by kind, rank, template and size.",
            ("UNKNOWN_CONTAINER", "ACTOR_STATE_FORBIDS", *_ROOM),
        ),
        command(
            "execute",
            ExecuteRequest,
            "Commands in order, all or nothing",
            "Each command is judged by what the earlier ones did, and needs its own scope: `grant`, "
            '`consume` and `set_actor` need `grant`. `"@n"` names the first item that command n made.',
            tuple(RefusalCode),
        ),
    )
