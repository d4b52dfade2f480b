"""The ruleset as it is written in TOML: shape and single-field bounds, nothing derived."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.bounds import ATTRIBUTE_MAX, COMMANDS_PER_BATCH_MAX, Capacity, CarryWeight, Name, Quantity
from engine.facts import Requirements

Vocabulary = Annotated[tuple[Name, ...], Meta(max_length=512)]
PerPoint = Annotated[int, Meta(ge=0, le=ATTRIBUTE_MAX)]
# The commands that a state may forbid: what a player does, not what the game server tells.
Deed = Literal["equip", "unequip", "move", "consume", "use", "drop", "sort"]


class ActorSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The words the game uses of an actor; anything else in facts or ``set_actor`` is an error."""

    classes: Vocabulary = ()
    attributes: Vocabulary = ()
    states: Vocabulary = ()


class ItemsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The kinds and tags that facts may use."""

    kinds: Vocabulary
    tags: Vocabulary = ()


class CarrySection(Struct, frozen=True, forbid_unknown_fields=True):
    """Carry weight: ``base`` + ``per_point`` × the actor's ``attribute`` + what worn items grant."""

    base: CarryWeight
    attribute: Name | None = None
    per_point: PerPoint = 0


class LimitsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of calls: commands in a batch, characters in a name."""

    commands_per_batch: Annotated[int, Meta(ge=1, le=COMMANDS_PER_BATCH_MAX)] = COMMANDS_PER_BATCH_MAX
    name_length: Annotated[int, Meta(ge=1, le=256)] = 64


class SlotEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A slot of the paper doll. ``displaces`` holds both ways, whichever slot names the other.

    ``requires`` is asked of who wears anything there, or only items of the kinds ``requires_for``.
    """

    name: Name
    groups: Vocabulary = ()
    displaces: Vocabulary = ()
    locked_while: Vocabulary = ()
    requires: Requirements = Requirements()
    requires_for: Vocabulary = ()


class ContainerEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A container. An empty filter accepts all; with ``tags``, an item must carry one of them.

    ``kind``: ``slots`` is indexed with a base ``capacity``; ``purse`` has one unlimited stack a
    template; ``mailbox`` is indexed and unbounded, and nothing can be put there by a move.
    Each point of the actor's ``attribute`` adds ``per_point`` slots to ``capacity``. What lies in
    a ``shared`` container may change hands, so nothing bound or untradeable gets in. While the actor
    is in a state of ``locked_while``, or in none of ``open_while`` if there are any, the player takes
    nothing out and puts nothing in. ``consumable``: consuming by template takes from here.
    """

    name: Name
    kind: Literal["slots", "purse", "mailbox"]
    capacity: Capacity = 0
    attribute: Name | None = None
    per_point: PerPoint = 0
    kinds: Vocabulary = ()
    tags: Vocabulary = ()
    locked_while: Vocabulary = ()
    open_while: Vocabulary = ()
    weighs: bool = True
    shared: bool = False
    consumable: bool = True


class LimitGroupEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """How many items of a group may be carried, counted by quantity, and worn, counted by slot."""

    name: Name
    max_carried: Quantity | None = None
    max_equipped: Annotated[int, Meta(ge=1, le=128)] | None = None


class StateRule(Struct, frozen=True, forbid_unknown_fields=True):
    """What a state of the actor forbids, and the kinds and tags of items that it does not concern.

    An exempt item is free of ``forbids`` and goes in and out of slots that the state locks.
    """

    state: Name
    forbids: tuple[Deed, ...] = ()
    exempt_kinds: Vocabulary = ()
    exempt_tags: Vocabulary = ()


class EquipmentSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The paper doll taken as a container."""

    weighs: bool = True


class PlacementSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where items go that nobody gave a place: the containers to try, in order.

    ``overflow`` is the mailbox that takes what a grant finds no room for, where it asks for that.
    """

    auto: Vocabulary
    overflow: Name | None = None


class RulesetFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole ruleset file."""

    name: Name
    items: ItemsSection
    carry: CarrySection
    placement: PlacementSection
    slots: Annotated[tuple[SlotEntry, ...], Meta(min_length=1, max_length=128)]
    containers: Annotated[tuple[ContainerEntry, ...], Meta(min_length=1, max_length=64)]
    actor: ActorSection = ActorSection()
    equipment: EquipmentSection = EquipmentSection()
    limits: LimitsSection = LimitsSection()
    limit_groups: Annotated[tuple[LimitGroupEntry, ...], Meta(max_length=128)] = ()
    state_rules: Annotated[tuple[StateRule, ...], Meta(max_length=64)] = ()
