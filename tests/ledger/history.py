"""Characters with a past: random entries over many weeks, and what each of them must come to."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from engine.state import Actor, Item
from persistence.ledger.replay import Inventory, Turnover
from persistence.postgres.store import InventoryStore
from persistence.records import FlushWork, JournalEntry
from tests.loading import begin_load
from tests.store.given import HERO, at, entry, new_item, of

DAY_MS = 24 * 3600 * 1000
TEMPLATES = ("sword", "potion", "coin")


def days_ago(days: float) -> int:
    """A time, in Unix milliseconds."""
    return int(time.time() * 1000 - days * DAY_MS)


class Past(Struct):
    """What a character has been through; ``states[n]`` is what entry n must leave, told without a replay."""

    char_id: str
    epoch: int = 1
    entries: list[JournalEntry] = []
    states: list[Inventory] = field(default_factory=lambda: [Inventory()])
    flushed: int = 0

    @property
    def seq(self) -> int:
        return len(self.entries)

    def play(self, chance: random.Random, at_ms: int) -> None:
        """One more call, of a random kind."""
        before = self.states[-1]
        items, actor = dict(before.items), before.actor
        changed: list[Item] = []
        removed: list[Item] = []
        for item in chance.sample(list(items.values()), min(len(items), chance.randrange(3))):
            if chance.random() < 0.4:
                removed.append(items.pop(item.item_id))
            else:
                other = of(item, chance.randrange(1, 30))
                changed.append(at(other, "bag", item.place.slot) if chance.random() < 0.5 else other)
        free = set(range(20)) - {item.place.slot for item in items.values()}
        if not changed and not removed and free:
            slot = chance.choice(sorted(free))
            changed.append(new_item("bag", slot, chance.randrange(1, 30), chance.choice(TEMPLATES)))
        if chance.random() < 0.1:
            actor = Actor(level=chance.randrange(1, 60))
        items |= {item.item_id: item for item in changed}
        self.add(items, actor, changed, removed, at_ms)

    def add(
        self,
        items: dict[str, Item],
        actor: Actor | None,
        changed: Sequence[Item],
        removed: Sequence[Item],
        at_ms: int,
    ) -> None:
        before, seq = self.states[-1], self.seq + 1
        new_actor = actor if actor != before.actor else None
        self.entries.append(entry(seq, changed, removed, new_actor, time_ms=at_ms))
        self.states.append(Inventory(seq, items, actor, _totals(before, items)))


def _totals(before: Inventory, items: dict[str, Item]) -> dict[str, Turnover]:
    totals = dict(before.totals)
    had, has = _units(before.items.values()), _units(items.values())
    for template_id in had | has:
        total, more = totals.get(template_id, Turnover()), has[template_id] - had[template_id]
        totals[template_id] = Turnover(total.came + max(more, 0), total.went + max(-more, 0))
    return totals


def _units(items: "Sequence[Item] | object") -> Counter[str]:
    units: Counter[str] = Counter()
    for item in items:  # type: ignore[attr-defined]
        units[item.template_id] += item.quantity
    return units


def same(left: Inventory, right: Inventory) -> bool:
    """Whether two are equal, templates that only passed by without a trace in either left out."""
    return _told(left) == _told(right)


def _told(inventory: Inventory) -> Inventory:
    moved = {name: total for name, total in inventory.totals.items() if total != Turnover()}
    return replace(inventory, totals=moved, items=dict(inventory.items))


async def born(store: InventoryStore) -> Past:
    """A character without a past, loaded."""
    head = await store.create_character(str(uuid.uuid4()), "Aria", HERO)
    snapshot = await begin_load(store, head.char_id)
    return Past(head.char_id, snapshot.head.epoch)


async def flush(store: InventoryStore, *pasts: Past) -> None:
    """Bring what the characters have played into PostgreSQL, as the flusher does."""
    work = [
        FlushWork(past.char_id, past.epoch, past.flushed, tuple(past.entries[past.flushed :]))
        for past in pasts
    ]
    results = await store.flush(work)
    assert {result.status for result in results.values()} <= {"flushed"}
    for past in pasts:
        past.flushed = past.seq


async def lived(store: InventoryStore, *days: float, seed: int = 1) -> Past:
    """A character with an entry at each of the times, flushed."""
    past, chance = await born(store), random.Random(seed)
    for ago in days:
        past.play(chance, days_ago(ago))
    await flush(store, past)
    return past
