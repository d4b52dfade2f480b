"""Whatever was dropped, all that is still there is told exactly as it was before."""

import random

import pytest

from persistence.ledger.retention import trim
from persistence.postgres.store import InventoryStore
from tests.ledger.asking import at, baselines, seqs
from tests.ledger.history import Past, born, days_ago, flush, same
from tests.store.given import items_of

DAYS = 55


def live(pasts: list[Past], chance: random.Random, disorder: float) -> None:
    """Some weeks of calls, each character's in the order of seq, by clocks that may be wrong."""
    for past in pasts:
        count = chance.randrange(1, 60)
        times = sorted((chance.random() * DAYS for _ in range(count)), reverse=True)
        for ago in times:
            wrong = chance.gauss(0, 6) if chance.random() < disorder else 0
            past.play(chance, days_ago(ago + wrong))


@pytest.mark.parametrize("seed", range(8))
async def test_every_entry_that_is_left_is_told_as_before(store: InventoryStore, seed: int) -> None:
    """Also by clocks that disagree: of every third game, a third of the entries has a wrong time."""
    chance = random.Random(seed)
    pasts = [await born(store) for _ in range(4)]
    live(pasts, chance, 0.3 if seed % 3 == 0 else 0.0)
    await flush(store, *pasts)
    left = DAYS + 14
    while left > 2:
        left = chance.randrange(1, left)
        trimmed = await trim(store.database, left)
        assert trimmed.kept == ""
        for past in pasts:
            await assert_told(store, past)
        if chance.random() < 0.5:
            for past in pasts:
                past.play(chance, days_ago(0))
            await flush(store, *pasts)


async def assert_told(store: InventoryStore, past: Past) -> None:
    there = await seqs(store, past.char_id)
    for seq in {*there, past.seq, *(await baselines(store, past.char_id))}:
        told = await at(store, past.char_id, seq)
        assert same(told, past.states[seq]), seq
    told = await at(store, past.char_id, past.seq)
    assert set(told.items.values()) == await items_of(store, past.char_id)
    for template_id, total in told.totals.items():
        units = sum(item.quantity for item in told.items.values() if item.template_id == template_id)
        assert total.came - total.went == units
