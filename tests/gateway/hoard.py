"""A stand-in whose one inventory and catalog the tests fill as they like, and pages of it."""

from typing import Any

from engine.facts import Facts
from engine.outcome import Capacity, CarriedWeight
from engine.ruleset import Ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place, SlotKey
from persistence.items.catalog import Template
from persistence.records import LiveSession
from tests.gateway.conftest import Client
from tests.gateway.standin import BASE, ScriptedItems, StandIn

INVENTORY = f"{BASE}/inventory"
BAG = f"{INVENTORY}/bag"


class Hoard(StandIn):
    """``held``: the items by id. ``stale``: facts that the session was loaded with, now others."""

    def __init__(self, ruleset: Ruleset | None = None) -> None:
        super().__init__()
        self.ruleset = ruleset or self.ruleset
        self.items: ScriptedItems = ScriptedItems()
        self.items.all = []
        self.held: dict[str, Item] = {}
        self.stale: dict[str, Facts] = {}
        self.seq = 7

    def template(self, template_id: str, kind: str = "quest", /, *, data: Any = None, **facts: Any) -> str:
        """Put a template into the catalog; without ``data`` it has a name that is its id's."""
        named = {"name": template_id.title()} if data is None else data
        self.items.all.append(Template(Facts(template_id, kind, **facts), named))
        return template_id

    def put(self, template_id: str, container: str, slot: SlotKey, quantity: int = 1) -> Item:
        """Put an item into a place; ids count up from 1."""
        item_id = f"{len(self.held) + 1:032x}"
        self.held[item_id] = Item(item_id, template_id, quantity, Place(container, slot))
        return self.held[item_id]

    def session(self) -> InventorySessionDTO:
        facts = {
            item.template_id: self.items.facts(item.template_id) or Facts(item.template_id, "unknown")
            for item in self.held.values()
        }
        return InventorySessionDTO(
            self.present[0].char_id,
            self.seq,
            self.ruleset.hash,
            Actor(5, "warrior"),
            dict(self.held),
            facts | self.stale,
        )

    async def read_session(self, char_id: str) -> LiveSession:
        self._live()
        await self.character(char_id)
        return LiveSession(self.session(), Capacity({}, CarriedWeight(0, 1)), 2, 1, 6, 3)


# What each sort gives of the bag, by slot.
ORDERS = {
    "slot": [0, 1, 2, 4, 5, 7, 11, 13],
    "-slot": [13, 11, 7, 5, 4, 2, 1, 0],
    # weapons before consumables; sort_rank, template, the larger stack first, slot
    "kind": [7, 2, 11, 4, 5, 1, 13, 0],
    "-kind": [0, 1, 13, 5, 4, 2, 11, 7],
    # eel (its id), zahn and ZAHN are one, ähre, übel
    "name": [0, 2, 4, 11, 1, 5, 13, 7],
    "-name": [7, 1, 5, 13, 2, 4, 11, 0],
    "quantity": [2, 7, 11, 0, 4, 1, 13, 5],
    "-quantity": [5, 1, 13, 4, 0, 2, 7, 11],
    # 0 · 6 · 900 · 900 · 900 · 900 · 900 · 1000
    "weight": [4, 0, 1, 2, 7, 11, 13, 5],
    "-weight": [5, 1, 2, 7, 11, 13, 0, 4],
}


def stocked(ruleset: Ruleset | None = None) -> Hoard:
    """A catalog with names out of step with ids, of several kinds; nothing is held yet."""
    hoard = Hoard(ruleset)
    hoard.template("axe", "weapon", data={"name": "Übel"}, tags=("blade",), weight=900)
    hoard.template(
        "bread", "consumable", data={"name": "ähre"}, tags=("food",), stack_limit=20, weight=50, sort_rank=1
    )
    hoard.template("club", "weapon", data={"name": "Zahn"}, tags=("blunt", "magic"), weight=900)
    hoard.template("draught", "consumable", data={"name": "ZAHN"}, tags=("potion", "magic"), stack_limit=20)
    hoard.template("eel", "consumable", data={"name": ["no", "text"]}, sort_rank=1, weight=3, stack_limit=20)
    hoard.template("coin", "currency", data={"name": "Coin"}, stack_limit=1000)
    return hoard


def fill(hoard: Hoard) -> None:
    """Put eight things into the bag, and one each elsewhere."""
    for slot, template_id, quantity in (
        (0, "eel", 2),
        (1, "bread", 18),
        (2, "club", 1),
        (4, "draught", 9),
        (5, "bread", 20),
        (7, "axe", 1),
        (11, "club", 1),
        (13, "bread", 18),
    ):
        hoard.put(template_id, "bag", slot, quantity)
    hoard.put("axe", "equipment", "main_hand")
    hoard.put("bread", "bank", 3, 6)
    hoard.put("coin", "wallet", "coin", 12)


async def page(client: Client, path: str = BAG, **query: Any) -> Any:
    response = await client.get(path, params=query)
    assert response.status == 200, await response.text()
    body = await response.json()
    assert list(body) == ["items", "cursor", "total"]
    return body


async def pages(client: Client, path: str = BAG, **query: Any) -> list[Any]:
    """All pages, one after the other."""
    found = [await page(client, path, **query)]
    while found[-1]["cursor"] is not None:
        assert len(found) < 100
        found.append(await page(client, path, **query, cursor=found[-1]["cursor"]))
    return found


def slots(body: Any) -> list[Any]:
    return [item["place"]["slot"] for item in body["items"]]
