"""The invariants of docs/protocol.md, checked over everything that Redis and PostgreSQL hold.

The characters must have begun without items, so that their state is the replay of their journal.
"""

from collections.abc import Iterable
from typing import Any

import asyncpg
import msgspec
import redis

from engine.outcome import Changes
from engine.ruleset import Ruleset
from persistence.keys import Keys
from persistence.records import JournalEntry
from persistence.session_fields import HEAD_FIELDS, fields_of, session_of

Items = dict[str, tuple[Any, ...]]


async def violations(redis_url: str, database_url: str, ruleset: Ruleset) -> list[str]:
    """What does not hold, a sentence each; empty when all is well. Nothing may be playing."""
    found: list[str] = []
    connection = await asyncpg.connect(database_url)
    try:
        with redis.Redis.from_url(redis_url) as client:
            for row in await connection.fetch("SELECT char_id::text, epoch, seq FROM characters"):
                found += await _character(
                    connection, client, ruleset, row["char_id"], row["epoch"], row["seq"]
                )
    finally:
        await connection.close()
    return found


async def _character(
    connection: "asyncpg.Connection[asyncpg.Record]",
    client: redis.Redis,
    ruleset: Ruleset,
    char_id: str,
    epoch: int,
    seq: int,
) -> list[str]:
    found: list[str] = []
    rows = await connection.fetch("SELECT seq, changes FROM journal WHERE char_id = $1 ORDER BY seq", char_id)
    if [row["seq"] for row in rows] != list(range(1, seq + 1)):
        found.append(f"{char_id}: the ledger's seqs are not 1 to {seq}")
    written = [msgspec.json.decode(row["changes"], type=Changes) for row in rows]
    replayed = _replay({}, written)
    stored = {
        row["item_id"]: (row["template_id"], row["quantity"], row["container"], row["slot"], row["bound"])
        for row in await connection.fetch(
            "SELECT replace(item_id::text, '-', '') AS item_id, template_id, quantity, container, slot, bound"
            " FROM items WHERE owner = $1",
            char_id,
        )
    }
    if stored != replayed:
        found.append(f"{char_id}: items in PostgreSQL are not the replay of its ledger")
    return found + _session(client, ruleset, char_id, epoch, seq, replayed)


def _session(
    client: redis.Redis, ruleset: Ruleset, char_id: str, epoch: int, stored_seq: int, replayed: Items
) -> list[str]:
    found: list[str] = []
    keys = Keys().of(char_id)
    fields: dict[bytes, bytes] = client.hgetall(keys.session)
    if not fields:
        return found
    session = session_of(char_id, fields)
    flushed_seq = int(fields[b"flushed_seq"])
    entries = [msgspec.json.decode(text, type=JournalEntry) for text in client.lrange(keys.journal, 0, -1)]
    if [entry.seq for entry in entries] != list(range(flushed_seq + 1, session.seq + 1)):
        found.append(f"{char_id}: its journal is not {flushed_seq + 1} to {session.seq}")
    if flushed_seq > stored_seq or int(fields[b"epoch"]) > epoch:
        found.append(f"{char_id}: the session is ahead of what PostgreSQL has said")
    if entries and client.zscore(keys.due, char_id) is None:
        found.append(f"{char_id}: dirty, but not in its due queue")
    places = {(item.place.container, item.place.slot) for item in session.items.values()}
    if len(places) != len(session.items):
        found.append(f"{char_id}: two items in one place")
    kept = {name.decode(): value for name, value in fields.items() if name.decode() not in HEAD_FIELDS}
    if kept != fields_of(ruleset, session):
        found.append(f"{char_id}: the running totals are not what a recount gives")
    # Entries that PostgreSQL has already are not replayed twice.
    ahead = [entry.changes for entry in entries if entry.seq > stored_seq]
    live = {
        item.item_id: (
            item.template_id,
            item.quantity,
            item.place.container,
            str(item.place.slot),
            item.bound,
        )
        for item in session.items.values()
    }
    if live != _replay(replayed, ahead):
        found.append(f"{char_id}: the session is not the replay of ledger and journal")
    return found


def _replay(items: Items, entries: Iterable[Changes]) -> Items:
    items = dict(items)
    for changes in entries:
        for item_id in changes.removed:
            del items[item_id]
        for item in changes.changed:
            items[item.item_id] = (
                item.template_id,
                item.quantity,
                item.place.container,
                str(item.place.slot),
                item.bound,
            )
    return items
