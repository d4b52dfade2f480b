"""Strategies for games: commands that often succeed and often break a rule.

They are drawn before anything is played, so an item is named by a number that is resolved by
what the session holds when the command's turn comes. That shrinks well and draws fast.
"""

from typing import Any

from hypothesis import strategies as st

from engine.bounds import QUANTITY_MAX
from engine.state import InventorySessionDTO
from tests.parity.world import CONTAINERS, DOLL, TEMPLATES

_items = st.integers(0, 40)
_template_ids = st.sampled_from([*TEMPLATES, "unheard_of"])
_quantities = st.sampled_from([1, 1, 2, 3, 5, 8, 20, 23, 49, 60, 5000, QUANTITY_MAX])
_slots = st.sampled_from([None, None, *range(10), 19, 20, 22, 25, 60, *DOLL, "gold", "ore", "x"])
_destinations = st.tuples(st.sampled_from([*CONTAINERS, "bag", "bag", "bank"]), _slots).map(
    lambda place: {"container": place[0]} | ({} if place[1] is None else {"slot": place[1]})
)
_states = st.lists(st.sampled_from(["in_combat", "stunned", "dead"]), max_size=1)


def _fields(
    op: str, needed: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.just(op), **needed}, optional=optional)


_grants = _fields(
    "grant",
    {"template_id": _template_ids, "quantity": _quantities},
    {
        "container": st.sampled_from(CONTAINERS),
        "bound": st.booleans(),
        "partial": st.booleans(),
        "overflow": st.booleans(),
    },
)
_given_ids = _fields("grant", {"template_id": _template_ids, "quantity": st.sampled_from([1, 1, 2, 6])}, {})
_by_item = [_fields(op, {"item_id": _items}, {}) for op in ("use", "use", "lock", "unlock")]
_moves = _fields("move", {"item_id": _items, "to": _destinations}, {"quantity": _quantities})
_equips = _fields("equip", {"item_id": _items}, {"slot": st.sampled_from([*DOLL, "ring"])})
_actors = _fields(
    "set_actor",
    {},
    {
        "level": st.sampled_from([1, 5, 6, 40]),
        "class": st.sampled_from(["warrior", "mage", ""]),
        "attributes": st.dictionaries(
            st.sampled_from(["strength", "dexterity", "wisdom"]),
            st.sampled_from([-5, 0, 3, 12, 10**9]),
            max_size=2,
        ),
        "states": st.fixed_dictionaries({"add": _states, "remove": _states}),
    },
)
_commands = st.one_of(
    _grants,
    _grants,
    _moves,
    _moves,
    _moves,
    _equips,
    _equips,
    _fields("unequip", {"item_id": _items}, {"to": _destinations}),
    _fields("consume", {"item_id": _items, "quantity": _quantities}, {}),
    _fields("consume", {"template_id": _template_ids, "quantity": _quantities}, {}),
    _fields("drop", {"item_id": _items}, {"quantity": _quantities}),
    *_by_item,
    _fields("sort", {"container": st.sampled_from(CONTAINERS)}, {}),
    st.tuples(_given_ids, _items).map(lambda grant: grant[0] | {"item_id": grant[1]}),
    _actors,
)

batches = st.one_of(_commands.map(lambda command: [command]), st.lists(_commands, min_size=1, max_size=4))


def resolved(batch: list[dict[str, Any]], session: InventorySessionDTO) -> list[dict[str, Any]]:
    """The batch with its numbers made ids: of items held, of items made before, of none."""
    ids = [*sorted(session.items), "@0", "f" * 32]
    made = [*sorted(session.items), *(f"{number:032x}" for number in range(1, 9))]
    return [
        command
        | (
            {"item_id": _id(command, made if command["op"] == "grant" else ids)}
            if "item_id" in command
            else {}
        )
        for command in batch
    ]


def _id(command: dict[str, Any], ids: list[str]) -> str:
    return ids[command["item_id"] % len(ids)]
