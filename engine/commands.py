"""Commands as a tagged union: ``{"op": "move", "item_id": …, "to": {"container": …}}``.

Each is strict: unknown fields, wrong types and numbers out of bounds never get past
decoding. Optional fields that are absent are left out when a command is encoded again, so
that no null ever reaches the mirror.
"""

from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from engine.bounds import (
    COMMANDS_PER_BATCH_MAX,
    AttributeValue,
    ClassName,
    ItemId,
    ItemRef,
    Level,
    Name,
    Quantity,
    SlotIndex,
    SlotName,
    TemplateId,
    normal_item_id,
)


class Destination(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place to go to; without ``slot`` the rules choose one in the container."""

    container: Name
    slot: SlotIndex | SlotName | None = None


class StateChange(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """States the actor enters and leaves; removing is done after adding."""

    add: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()
    remove: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()


class _Command(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="op"):
    """What all commands share: strictness, the tag that names the operation, one spelling of ids."""

    def __post_init__(self) -> None:
        ref = getattr(self, "item_id", None)
        if ref is not None and (normal := normal_item_id(ref)) != ref:
            force_setattr(self, "item_id", normal)


class EquipRequest(_Command, frozen=True, tag="equip"):
    """Wear an item; without ``slot``, in the first free slot it may be worn in, else the first."""

    item_id: ItemRef
    slot: Name | None = None


class UnequipRequest(_Command, frozen=True, tag="unequip"):
    """Take off a worn item; without ``to``, to where auto-placement puts it."""

    item_id: ItemRef
    to: Destination | None = None


class MoveRequest(_Command, frozen=True, tag="move"):
    """Place, merge, swap or, with a smaller ``quantity``, split a stack."""

    item_id: ItemRef
    to: Destination
    quantity: Quantity | None = None


class GrantRequest(_Command, frozen=True, tag="grant"):
    """Make new items, all or nothing; without ``container``, where auto-placement puts them.

    ``overflow`` sends what finds no room to the ruleset's mailbox; ``partial`` makes as many as
    room and limits allow and tells how many it did not. ``item_id`` names an instance that was
    made elsewhere: one new stack, which keeps that id.
    """

    template_id: TemplateId
    quantity: Quantity
    container: Name | None = None
    bound: bool = False
    partial: bool = False
    overflow: bool = False
    item_id: ItemId | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.item_id is not None and self.item_id[12] == "8":
            raise ValueError("`item_id` is a UUID of version 8, and those are made here alone")


class ConsumeRequest(_Command, frozen=True, tag="consume"):
    """Take away ``quantity`` of one item, or of a template wherever it is carried."""

    quantity: Quantity
    item_id: ItemRef | None = None
    template_id: TemplateId | None = None

    def __post_init__(self) -> None:
        if (self.item_id is None) == (self.template_id is None):
            raise ValueError("exactly one of `item_id` and `template_id` is needed")
        super().__post_init__()


class UseRequest(_Command, frozen=True, tag="use"):
    """Use an item, and up one of it where it is used up; what it does is the game's to apply."""

    item_id: ItemRef


class DropRequest(_Command, frozen=True, tag="drop"):
    """Destroy an item, or ``quantity`` of its stack."""

    item_id: ItemRef
    quantity: Quantity | None = None


class LockRequest(_Command, frozen=True, tag="lock"):
    """The player's "keep this": no consume, use, drop or trade until it is unlocked."""

    item_id: ItemRef


class UnlockRequest(_Command, frozen=True, tag="unlock"):
    """Take the player's lock off."""

    item_id: ItemRef


class SortRequest(_Command, frozen=True, tag="sort"):
    """Merge the stacks of a container and put them in order, from the first slot on."""

    container: Name


class SetActorRequest(_Command, frozen=True, tag="set_actor"):
    """Tell what the actor is now: absent fields stay, attributes merge, states are added and removed."""

    level: Level | None = None
    class_: ClassName | None = field(default=None, name="class")
    attributes: dict[Name, AttributeValue] = {}
    states: StateChange = StateChange()


Command = (
    EquipRequest
    | UnequipRequest
    | MoveRequest
    | GrantRequest
    | ConsumeRequest
    | UseRequest
    | DropRequest
    | LockRequest
    | UnlockRequest
    | SortRequest
    | SetActorRequest
)

Batch = Annotated[tuple[Command, ...], Meta(min_length=1, max_length=COMMANDS_PER_BATCH_MAX)]
