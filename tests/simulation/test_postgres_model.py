"""The model of PostgreSQL against the real store: the same transactions, the same outcomes and tables."""

import json
import time
from random import Random
from typing import Any

import msgspec
import pytest

from engine.outcome import Changes
from engine.ruleset import Ruleset
from engine.state import Actor, Item, Place
from persistence.errors import CharacterNotFound, CharacterQuarantined, FlushRejected
from persistence.postgres.store import InventoryStore
from persistence.records import Done, FlushResult, FlushWork, JournalEntry
from tests.simulation.postgres_model import PostgresModel

CHARACTERS = [f"0f0e0d0c-0b0a-4908-8706-05040302010{n}" for n in range(3)]
STRANGER = "0f0e0d0c-0b0a-4908-8706-0504030201ff"
ITEMS = [f"{n:032x}" for n in range(8)]
ACTOR = Actor(level=3)
NOW_MS = time.time_ns() // 1_000_000
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS


def random_item(rng: Random) -> Item:
    container, slot = rng.choice([("bag", rng.randrange(5)), ("wallet", "gold"), ("equipment", "belt")])
    return Item(rng.choice(ITEMS), "gold", rng.choice((1, 2, 2, 3, 0)), Place(container, slot))


def random_entry(rng: Random, seq: int) -> JournalEntry:
    changed = {item.item_id: item for item in (random_item(rng) for _ in range(rng.randint(0, 2)))}
    gone = [item_id for item_id in rng.sample(ITEMS, rng.choice((0, 0, 1))) if item_id not in changed]
    actor = Actor(level=rng.randint(1, 9)) if rng.random() < 0.2 else None
    op_id = f"op{rng.randrange(5)}" if rng.random() < 0.5 else ""
    commands = '[{"op":"lock"}]' if rng.random() < 0.97 else '["\\u0000"]'
    return JournalEntry(
        seq,
        NOW_MS - rng.choice((0, 0, DAY_MS - HOUR_MS, DAY_MS + HOUR_MS)),
        "",
        f"r{seq}" if rng.random() < 0.98 else "\0",
        op_id,
        msgspec.Raw(commands.encode()),
        Changes(changed=tuple(changed.values()), removed=tuple(gone), actor=actor),
        Done(rng.randrange(4), "abc", msgspec.Raw(b'{"seq":%d}' % seq)) if op_id else None,
    )


def random_work(rng: Random, model: PostgresModel, char_id: str) -> FlushWork:
    row = model.characters.get(char_id)
    epoch, base = (row.epoch, row.seq) if row else (0, 0)
    epoch, base = (
        max(0, epoch + rng.choice((0, 0, 0, 0, -1, 1))),
        max(0, base + rng.choice((0, 0, 0, 0, -1, 1))),
    )
    entries = tuple(random_entry(rng, base + n + 1) for n in range(rng.choice((0, 1, 1, 2, 3))))
    return FlushWork(char_id, epoch, base, entries, rng.randrange(3))


async def outcome(act: Any) -> Any:
    try:
        return await act
    except (FlushRejected, CharacterNotFound, CharacterQuarantined) as error:
        return type(error)


async def modelled(act: Any) -> Any:
    try:
        return act()
    except (FlushRejected, CharacterNotFound, CharacterQuarantined) as error:
        return type(error)


def flushed(model: PostgresModel, batch: list[FlushWork]) -> Any:
    flush = model.begin_flush(batch)
    flush.commit()
    return flush.results


def loaded(model: PostgresModel, owners: list[str]) -> Any:
    loads = model.begin_loads(owners)
    loads.commit()
    return loads.answers


def told(snapshot: Any) -> Any:
    """A snapshot without what the model does not keep; of an error, what it is."""
    if isinstance(snapshot, Exception):
        return type(snapshot)
    head = msgspec.structs.replace(snapshot.head, name="", created_at=0)
    return msgspec.to_builtins(msgspec.structs.replace(snapshot, head=head))


@pytest.mark.parametrize("seed", range(4))
async def test_random_transactions_come_to_the_same(database_url: str, ruleset: Ruleset, seed: int) -> None:
    store = await InventoryStore.connect(database_url, ruleset, pool_size=1)
    model, rng = PostgresModel(ruleset), Random(seed)
    model.now_ms = NOW_MS
    seen: set[str] = set()
    for char_id in CHARACTERS:
        await store.create_character(char_id, "", ACTOR)
        model.create(char_id, ACTOR)
    for _ in range(150):
        char_id = rng.choice([*CHARACTERS, *CHARACTERS, STRANGER])
        kind = rng.random()
        if kind < 0.2:
            owners = rng.sample([*CHARACTERS, STRANGER], rng.choice((1, 2, 3)))
            real = {owner: told(found) for owner, found in (await store.begin_loads(owners)).items()}
            mine = {owner: told(found) for owner, found in loaded(model, owners).items()}
        elif kind < 0.83:
            owners = rng.sample([*CHARACTERS, STRANGER], rng.choice((1, 1, 2)))
            batch = [random_work(rng, model, owner) for owner in owners]
            real = await outcome(store.flush(batch))
            mine = await modelled(lambda: flushed(model, batch))  # noqa: B023
        elif kind < 0.9:
            row = model.characters.get(char_id)
            epoch = row.epoch - rng.choice((0, 0, 1)) if row else 0
            real, mine = await store.mark_closed(char_id, epoch), model.mark_closed(char_id, epoch)
        elif kind < 0.95:
            reason = "why" if rng.random() < 0.5 else None
            act = store.quarantine(char_id, reason) if reason else store.release(char_id)
            real, mine = await outcome(act), await modelled(lambda: model.quarantine(char_id, reason))  # noqa: B023
        else:
            ids = rng.sample(ITEMS, 2)
            real = await store.reserve_item_ids(char_id, ids, "c")
            mine = model.reserve(char_id, ids, "c")
        assert mine == real, kind
        if isinstance(real, dict):
            seen |= {result.status for result in real.values() if isinstance(result, FlushResult)}
            seen |= {result.__name__ for result in real.values() if isinstance(result, type)}
        elif isinstance(real, type):
            seen.add(real.__name__)
    for char_id in CHARACTERS:
        entries = await store.journal(char_id, limit=10_000)
        assert list(map(kept, entries)) == list(map(kept, model.journal[char_id]))
    assert seen >= {"flushed", "passed_over", "absent", "FlushRejected", "CharacterNotFound"}
    await store.close()


def kept(entry: JournalEntry) -> Any:
    """What of an entry goes into the ledger, its JSON by content."""
    return (entry.seq, entry.request_id, entry.op_id, json.loads(bytes(entry.commands)), entry.changes)
