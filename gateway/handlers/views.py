"""What reading an inventory replies with."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec import UNSET, Struct, UnsetType

from engine.outcome import Capacity
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, Item, Place
from persistence.items.item_gateway import ItemGateway
from persistence.records import LiveSession


class ExpandedItem(Struct, frozen=True):
    """An item with its template's data; without, where the catalog has no such template."""

    item_id: str
    template_id: str
    quantity: int
    place: Place
    bound: bool
    locked: bool
    held: bool
    data: dict[str, Any] | UnsetType = UNSET


class InventoryView(Struct, frozen=True):
    """A whole session. ``catalog``: version of the catalog whose facts the session is judged by."""

    char_id: str
    seq: int
    durable_seq: int
    tag: str
    ruleset: str
    catalog: int
    actor: Actor
    items: Sequence[ExpandedItem]
    capacity: Capacity


class PaperDoll(Struct, frozen=True):
    """What is worn, by slot in the ruleset's order; null where nothing is."""

    slots: dict[str, Item | None]


class ItemPage(Struct, frozen=True):
    """Items of one listing; ``total`` of them on all pages; ``cursor`` is null on the last."""

    items: list[Item]
    cursor: str | None
    total: int


def inventory(live: LiveSession, items: list[Item] | list[ExpandedItem]) -> InventoryView:
    """The whole session, its items as given; one that is not expanded looks like one without data."""
    session = live.session
    return InventoryView(
        char_id=session.char_id,
        seq=session.seq,
        durable_seq=live.durable_seq,
        tag=live.tag,
        ruleset=session.ruleset,
        catalog=live.catalog,
        actor=session.actor,
        items=cast(list[ExpandedItem], items),
        capacity=live.capacity,
    )


def expanded(gateway: ItemGateway, items: Iterable[Item]) -> list[ExpandedItem]:
    """Items with names, texts and stats from the catalog."""
    return [_expanded(gateway, item) for item in items]


def _expanded(gateway: ItemGateway, item: Item) -> ExpandedItem:
    template = gateway.template(item.template_id)
    return ExpandedItem(
        item.item_id,
        item.template_id,
        item.quantity,
        item.place,
        item.bound,
        item.locked,
        item.held,
        UNSET if template is None else template.data,
    )


def paper_doll(ruleset: Ruleset, items: Iterable[Item]) -> PaperDoll:
    """What of ``items`` is worn."""
    worn = {item.place.slot: item for item in items if item.place.container == EQUIPMENT}
    return PaperDoll({slot: worn.get(slot) for slot in ruleset.slots})


def wallet(ruleset: Ruleset, items: Iterable[Item]) -> ItemPage:
    """What of ``items`` is in a purse, whichever; all of it on one page, by container and template."""
    order = {
        container.name: index
        for index, container in enumerate(ruleset.containers.values())
        if container.kind == "purse"
    }
    found = [item for item in items if item.place.container in order]
    found.sort(key=lambda item: (order[item.place.container], item.template_id))
    return ItemPage(found, None, len(found))
