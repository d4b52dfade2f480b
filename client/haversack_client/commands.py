"""Commands: what can be done with an inventory.

What each does, and what it is refused for, is in the service's documentation of its rules.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from haversack_client.bounds import (
    COMMANDS_PER_REQUEST_MAX,
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
)


class Destination(Struct, frozen=True, omit_defaults=True):
    """A place to go to; without ``slot`` the rules choose one in the container."""

    container: Name
    slot: SlotIndex | SlotName | None = None


class StateChange(Struct, frozen=True, omit_defaults=True):
    """States that the actor enters and leaves; removing is done after adding."""

    add: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()
    remove: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()


class _Command(Struct, frozen=True, omit_defaults=True, tag_field="op"):
    """What is left at its default is left out."""


class Equip(_Command, frozen=True, tag="equip"):
    """Wear an item; without ``slot``, in the first free slot it may be worn in, else the first."""

    item_id: ItemRef
    slot: Name | None = None


class Unequip(_Command, frozen=True, tag="unequip"):
    """Take off what is worn; without ``to`` the rules choose where it goes."""

    item_id: ItemRef
    to: Destination | None = None


class Move(_Command, frozen=True, tag="move"):
    """Place, merge or swap a stack; a smaller ``quantity`` splits it."""

    item_id: ItemRef
    to: Destination
    quantity: Quantity | None = None


class Grant(_Command, frozen=True, tag="grant"):
    """Make items, all or none; without ``container`` the rules choose where they go.

    ``overflow`` sends what finds no room to the mailbox. ``partial`` makes as many as it can, and
    ``not_placed`` of the reply says how many it could not. ``item_id`` is that of one stack that was
    made elsewhere, and which keeps it.
    """

    template_id: TemplateId
    quantity: Quantity
    container: Name | None = None
    bound: bool = False
    partial: bool = False
    overflow: bool = False
    item_id: ItemId | None = None


class Consume(_Command, frozen=True, tag="consume"):
    """Take away ``quantity`` of one item, or of a template wherever it is carried.

    ``ValueError`` unless exactly one of ``item_id`` and ``template_id`` is given.
    """

    quantity: Quantity
    item_id: ItemRef | None = None
    template_id: TemplateId | None = None

    def __post_init__(self) -> None:
        if (self.item_id is None) == (self.template_id is None):
            raise ValueError("exactly one of item_id and template_id is needed")


class Use(_Command, frozen=True, tag="use"):
    """Use an item, and one of it up where it is used up. What that does to the world is the game's."""

    item_id: ItemRef


class Drop(_Command, frozen=True, tag="drop"):
    """Destroy an item, or ``quantity`` of its stack."""

    item_id: ItemRef
    quantity: Quantity | None = None


class Lock(_Command, frozen=True, tag="lock"):
    """The player's "keep this": it is neither consumed nor used nor dropped until it is unlocked."""

    item_id: ItemRef


class Unlock(_Command, frozen=True, tag="unlock"):
    """Take the player's lock off."""

    item_id: ItemRef


class Sort(_Command, frozen=True, tag="sort"):
    """Merge the stacks of a container and put them in order, from the first slot on."""

    container: Name


class SetActor(_Command, frozen=True, tag="set_actor"):
    """Say what the character is now: what is absent stays, attributes are merged."""

    level: Level | None = None
    class_: ClassName | None = field(default=None, name="class")
    attributes: dict[Name, AttributeValue] = {}
    states: StateChange = StateChange()


Command = Equip | Unequip | Move | Grant | Consume | Use | Drop | Lock | Unlock | Sort | SetActor

Commands = Annotated[tuple[Command, ...], Meta(min_length=1, max_length=COMMANDS_PER_REQUEST_MAX)]


class Execute(Struct, frozen=True):
    """The body of ``execute``: commands in order, all or nothing."""

    commands: Commands


class NewActor(Struct, frozen=True):
    """What a new character is; ``class_`` is "" for none. The ruleset must know the words."""

    level: Level = 1
    class_: ClassName = field(default="", name="class")
    attributes: dict[Name, AttributeValue] = {}
    states: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()


class CreateCharacter(Struct, frozen=True):
    """The body that makes a character. Two may have one name."""

    char_id: str | None = None
    name: str = ""
    actor: NewActor = NewActor()
