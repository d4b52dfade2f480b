"""Characters that have been played and flushed."""

import random
import time

from persistence.postgres.store import InventoryStore
from tests.ledger.history import Past, born, flush


async def played(store: InventoryStore, entries: int, *pasts: Past, seed: int = 1) -> None:
    """So many more calls of each, flushed together."""
    chance = random.Random(seed)
    for past in pasts:
        for _ in range(entries):
            past.play(chance, int(time.time() * 1000))
    await flush(store, *pasts)


async def new(store: InventoryStore, count: int = 1) -> list[Past]:
    """Characters without a past."""
    return [await born(store) for _ in range(count)]
