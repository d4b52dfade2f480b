"""What is planted: violations, one of each kind, each in its simplest form."""

import json
from typing import Any

from tests.audit.conftest import CLEAN, DIRTY, EVICTED, Stored
from tests.service.play import do, grant

NOBODY = "0f0e0d0c-0b0a-4908-8706-0504030201ff"
INSTANCE = "0123456789ab4def8123456789abcdef"


def items_of(stored: Stored, char_id: str) -> dict[bytes, list[Any]]:
    fields = stored.client.hgetall(stored.keys(char_id).session)
    return {name: json.loads(value) for name, value in fields.items() if name.startswith(b"item:")}


async def two_items_in_a_place(stored: Stored) -> None:
    bag = [(name, item) for name, item in items_of(stored, CLEAN).items() if item[2] == "bag"]
    (_, first), (name, second) = bag[:2]
    second[3] = first[3]
    stored.client.hset(stored.keys(CLEAN).session, name, json.dumps(second, separators=(",", ":")))


async def no_constraint_of_places(stored: Stored) -> None:
    await stored.database.execute("ALTER TABLE items DROP CONSTRAINT items_place")


async def one_instance_in_two_sessions(stored: Stored) -> None:
    async with stored.site.gateway(flushing=False) as gateway:
        for char_id in (CLEAN, DIRTY):
            await do(gateway, grant("sword", item_id=INSTANCE), char_id=char_id)
            await stored.database.execute("DELETE FROM granted_ids")


async def another_s_item(stored: Stored) -> None:
    async with stored.site.gateway(flushing=False) as gateway:
        await do(gateway, grant("sword", item_id=INSTANCE), char_id=CLEAN)
        await gateway.save_session(CLEAN)
        # As if its owner had dropped it and it had been made anew, but only one of the two knew.
        await stored.database.execute("DELETE FROM granted_ids")
        await stored.database.execute("UPDATE items SET owner = $1 WHERE item_id = $2", EVICTED, INSTANCE)
        await do(gateway, grant("sword", item_id="f" * 12 + "4" + "f" * 19), char_id=DIRTY)


async def baseline_that_counts_wrong(stored: Stored) -> None:
    await baseline(stored, totals='{"dagger": [1, 0], "potion": [8, 3]}')
    await dropped(stored)


async def baseline_with_other_items(stored: Stored) -> None:
    await baseline(stored, items="[]")
    await dropped(stored)


async def entry_missing(stored: Stored) -> None:
    await stored.ledger_of(EVICTED, "DELETE FROM journal WHERE char_id = '{char_id}' AND seq = 2")


async def first_entry_missing(stored: Stored) -> None:
    await stored.ledger_of(EVICTED, "DELETE FROM journal WHERE char_id = '{char_id}' AND seq = 1")


async def last_entry_missing(stored: Stored) -> None:
    await stored.ledger_of(EVICTED, "DELETE FROM journal WHERE char_id = '{char_id}' AND seq = 3")


async def entry_twice(stored: Stored) -> None:
    await stored.database.execute(
        "INSERT INTO journal SELECT char_id, seq, at + interval '1 day', by, request_id, op_id, commands,"
        " changes FROM journal WHERE char_id = $1 AND seq = 2",
        EVICTED,
    )


async def ledger_open_to_change(stored: Stored) -> None:
    await stored.database.execute("ALTER TABLE journal DISABLE TRIGGER journal_append_only")


async def epoch_ahead(stored: Stored) -> None:
    stored.client.hset(stored.keys(CLEAN).session, "epoch", "99")


async def flushed_ahead(stored: Stored) -> None:
    stored.client.hset(stored.keys(CLEAN).session, mapping={"seq": "4", "flushed_seq": "4"})


async def journal_too_short(stored: Stored) -> None:
    stored.client.lpop(stored.keys(DIRTY).journal)


async def flushed_beyond_the_end(stored: Stored) -> None:
    stored.client.hset(stored.keys(DIRTY).session, "flushed_seq", "-1")


async def item_altered(stored: Stored) -> None:
    await stored.database.execute("UPDATE items SET bound = true WHERE owner = $1", EVICTED)


async def item_lost(stored: Stored) -> None:
    await stored.database.execute("DELETE FROM items WHERE owner = $1 AND template_id = 'dagger'", EVICTED)


async def session_altered(stored: Stored) -> None:
    name, item = next(iter(items_of(stored, CLEAN).items()))
    item[4] = True
    stored.client.hset(stored.keys(CLEAN).session, name, json.dumps(item, separators=(",", ":")))


async def actor_altered(stored: Stored) -> None:
    await stored.database.execute(
        "UPDATE characters SET actor = jsonb_set(actor, '{level}', '60') WHERE char_id = $1", EVICTED
    )


async def session_actor_altered(stored: Stored) -> None:
    actor = json.loads(stored.client.hget(stored.keys(DIRTY).session, "actor"))
    stored.client.hset(stored.keys(DIRTY).session, "actor", json.dumps(actor | {"level": 60}))


async def session_behind(stored: Stored) -> None:
    key = stored.keys(CLEAN).session
    before = stored.client.dump(key)
    async with stored.site.gateway(flushing=False) as gateway:
        await do(gateway, grant("gold"), char_id=CLEAN)
        await gateway.save_session(CLEAN)
    stored.client.restore(key, 0, before, replace=True)


async def operation_forgotten(stored: Stored) -> None:
    stored.client.hdel(stored.keys(CLEAN).done, "op:first")


async def operation_cannot_be_read(stored: Stored) -> None:
    stored.client.hset(stored.keys(CLEAN).done, "op:first", "hash 1 {}")


async def unflushed_operation_otherwise(stored: Stored) -> None:
    key = stored.keys(DIRTY).done
    stored.client.hset(key, "op:third", stored.client.hget(key, "op:third").replace(b'"seq":4', b'"seq":5'))


async def operation_otherwise_in_postgresql(stored: Stored) -> None:
    await stored.database.execute(
        "UPDATE operations SET reply = '{}' WHERE char_id = $1 AND op_id = 'second'", CLEAN
    )


async def operation_done_twice(stored: Stored) -> None:
    await stored.ledger_of(EVICTED, "UPDATE journal SET op_id = 'first' WHERE char_id = '{char_id}'")


async def dirty_without_a_turn(stored: Stored) -> None:
    stored.client.zrem(stored.keys(DIRTY).due, DIRTY)


async def live_without_a_turn(stored: Stored) -> None:
    stored.client.zrem(stored.keys(CLEAN).due, CLEAN)


async def dirty_since_nothing(stored: Stored) -> None:
    stored.client.hdel(stored.keys(DIRTY).session, "dirty_since")


async def total_wrong(stored: Stored) -> None:
    stored.client.hincrby(stored.keys(CLEAN).session, "weight", 1)


async def session_unreadable(stored: Stored) -> None:
    stored.client.hset(stored.keys(CLEAN).session, "actor", "{")


async def session_of_another_type(stored: Stored) -> None:
    stored.client.delete(stored.keys(CLEAN).session)
    stored.client.set(stored.keys(CLEAN).session, "?")


async def this_week_missing(stored: Stored) -> None:
    name = await stored.database.fetchval("SELECT journal_add_week(now())")
    await stored.database.execute(f"ALTER TABLE {name} RENAME TO journal_renamed")


async def session_without_a_character(stored: Stored) -> None:
    stored.client.copy(stored.keys(CLEAN).session, stored.keys(NOBODY).session)


async def journal_without_a_session(stored: Stored) -> None:
    stored.client.copy(stored.keys(DIRTY).journal, stored.keys(EVICTED).journal)


async def turn_without_a_session(stored: Stored) -> None:
    stored.client.zadd(stored.keys(EVICTED).due, {EVICTED: 10**15})


async def key_of_other_shards(stored: Stored) -> None:
    stored.client.copy(stored.keys(CLEAN).session, f"inventory:session:{{3}}:{CLEAN}")


async def baseline(
    stored: Stored, char_id: str = EVICTED, seq: int = 2, items: str | None = None, totals: str | None = None
) -> None:
    """What the character had after its second entry; the third one changed no items."""
    kept = await stored.database.fetchval(
        "SELECT json_agg(json_build_object('item_id', replace(item_id::text, '-', ''), 'template_id',"
        " template_id, 'quantity', quantity, 'place', json_build_object('container', container, 'slot',"
        " slot::int), 'bound', bound, 'locked', locked, 'held', held)) FROM items WHERE owner = $1",
        char_id,
    )
    totals = totals or '{"dagger": [1, 0], "potion": [7, 3]}'
    await stored.database.execute(
        "INSERT INTO baselines VALUES ($1, $2, now(), NULL, $3, $4)", char_id, seq, items or kept, totals
    )


async def dropped(stored: Stored) -> None:
    """The first two entries of the evicted character, as when their week is dropped."""
    await stored.ledger_of(EVICTED, "DELETE FROM journal WHERE char_id = '{char_id}' AND seq <= 2")
