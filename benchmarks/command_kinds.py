"""The kinds of commands that are measured, as cycles that end where they began."""

from msgspec import Struct

from benchmarks.command_world import Sized
from engine.commands import (
    Command,
    ConsumeRequest,
    Destination,
    DropRequest,
    EquipRequest,
    GrantRequest,
    LockRequest,
    MoveRequest,
    SetActorRequest,
    UnequipRequest,
    UnlockRequest,
    UseRequest,
)

ID_PREFIX = "b" * 24
# No cycle has more than one item that it made, so it always gets this id.
MADE = f"{ID_PREFIX}{1:08x}"


class Step(Struct, frozen=True):
    """A command, and the kind by which it is counted."""

    kind: str
    command: Command


def steps(of: Sized) -> list[Step]:
    """All cycles, one after the other: each leaves the session as it found it, but for its seq."""
    return [*_granting(of), *_taking(of), *_moving(of), *_wearing(of), *_else(of)]


def _granting(of: Sized) -> list[Step]:
    potions, stones, elixirs = of.played["potion"], of.played["stone"], of.played["elixir"]
    return [
        Step("grant into stacks", GrantRequest("potion", 5)),
        Step("consume by item", ConsumeRequest(5, potions[2].item_id)),
        Step("grant into a new slot", GrantRequest("blade", 1)),
        Step("drop", DropRequest(MADE)),
        Step("grant under limits", GrantRequest("stone", 2)),
        Step("consume by template", ConsumeRequest(2, template_id="stone")),
        Step("grant in part", GrantRequest("stone", 50, partial=True)),
        Step("consume by item", ConsumeRequest(4, stones[1].item_id)),
        Step("grant, the rest overflowing", GrantRequest("elixir", 4, "quick", overflow=True)),
        Step("consume by item", ConsumeRequest(2, elixirs[2].item_id)),
        Step("consume all of an item", ConsumeRequest(2, MADE)),
    ]


def _taking(of: Sized) -> list[Step]:
    potions = of.played["potion"]
    return [
        Step("use", UseRequest(potions[1].item_id)),
        Step("grant into stacks", GrantRequest("potion", 1)),
        Step("consume by template", ConsumeRequest(3, template_id="potion")),
        Step("grant into stacks", GrantRequest("potion", 3)),
        Step("drop a part", DropRequest(potions[2].item_id, 2)),
        Step("grant into stacks", GrantRequest("potion", 2)),
    ]


def _moving(of: Sized) -> list[Step]:
    potion = of.played["potion"][2]
    # Of three blades, the one in the bag's middle and the one in the bank.
    _, blade, banked = of.played["blade"]
    first_maul, _, last_maul = of.played["maul"]

    def move(kind: str, item_id: str, container: str, slot: int | str | None = None) -> Step:
        return Step(kind, MoveRequest(item_id, Destination(container, slot)))

    return [
        move("move to a free slot", blade.item_id, "bag", of.free + 5),
        move("move to a free slot", blade.item_id, "bag", blade.place.slot),
        move("swap in one container", blade.item_id, "bag", last_maul.place.slot),
        move("swap in one container", blade.item_id, "bag", blade.place.slot),
        move("swap between containers", banked.item_id, "bag", first_maul.place.slot),
        move("swap between containers", banked.item_id, "bank", banked.place.slot),
        move("move without a slot", blade.item_id, "bank"),
        move("move without a slot", blade.item_id, "bag"),
        move("move a stack without a slot", potion.item_id, "bank"),
        move("move a stack without a slot", potion.item_id, "bag"),
        Step("split", MoveRequest(potion.item_id, Destination("bag", of.free + 2), 3)),
        move("merge", MADE, "bag", potion.place.slot),
    ]


def _wearing(of: Sized) -> list[Step]:
    (sword,), (shield,), (helmet,), (satchel,) = (
        of.played[name] for name in ("sword", "shield", "helmet", "satchel")
    )
    maul = of.played["maul"][1]
    return [
        Step("equip, two give way", EquipRequest(maul.item_id)),
        Step("equip, one gives way", EquipRequest(sword.item_id)),
        Step("equip", EquipRequest(shield.item_id)),
        Step("unequip", UnequipRequest(helmet.item_id)),
        Step("equip", EquipRequest(helmet.item_id)),
        Step("unequip what grants room", UnequipRequest(satchel.item_id)),
        Step("equip what grants room", EquipRequest(satchel.item_id)),
    ]


def _else(of: Sized) -> list[Step]:
    blade = of.played["blade"][1].item_id
    return [
        Step("lock", LockRequest(blade)),
        Step("unlock", UnlockRequest(blade)),
        Step("set_actor", SetActorRequest(level=41)),
        Step("set_actor", SetActorRequest(level=40)),
    ]
