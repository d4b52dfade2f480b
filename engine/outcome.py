"""What applying commands comes to: changes and a new session, or a refusal."""

from msgspec import Struct

from engine.refusals import Refusal
from engine.state import Actor, InventorySessionDTO, Item


class Changes(Struct, frozen=True, omit_defaults=True, gc=False):
    """The difference a call made, in the shape that replies and the journal show.

    ``changed``: items whose value now differs from before the call, new ones among them, in
    the order in which the call first touched them; ``removed``: ids of items that were there
    before, likewise ordered; ``actor``: the whole new actor where it changed.
    """

    changed: tuple[Item, ...]
    removed: tuple[str, ...]
    actor: Actor | None = None


class Room(Struct, frozen=True):
    """Filled and available slots of a container; ``total`` is None where unbounded."""

    used: int
    total: int | None


class CarriedWeight(Struct, frozen=True):
    """Weight carried now and the most that may be, in the ruleset's unit."""

    carried: int
    limit: int


class Capacity(Struct, frozen=True):
    """Room by container, in the ruleset's order, the paper doll first; and weight."""

    containers: dict[str, Room]
    weight: CarriedWeight


class Effect(Struct, frozen=True):
    """What was used: the game looks up what the template does, and does it."""

    template_id: str


class Told(Struct, frozen=True, omit_defaults=True):
    """What one command has to tell beside its changes: the rest of a partial grant, a use."""

    op_index: int
    not_placed: int | None = None
    effect: Effect | None = None


class Applied(Struct, frozen=True):
    """The session after the call, what changed, what commands told, room in the containers touched."""

    session: InventorySessionDTO
    changes: Changes
    told: tuple[Told, ...]
    capacity: Capacity


Outcome = Applied | Refusal
