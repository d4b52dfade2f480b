"""A load's transaction for one character, by itself: what a loader does that dies before it reaches Redis."""

import asyncio

from persistence.postgres.load_batch import HeadHeld
from persistence.postgres.store import InventoryStore
from persistence.records import Snapshot


async def begin_load(store: InventoryStore, char_id: str) -> Snapshot:
    """The raised head and what belongs to it; raises its error, and waits while its head is held."""
    while True:
        begun = (await store.begin_loads([char_id]))[char_id]
        if isinstance(begun, Snapshot):
            return begun
        if not isinstance(begun, HeadHeld):
            raise begun
        await asyncio.sleep(0.002)
