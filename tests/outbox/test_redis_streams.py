"""Deliveries into a stream of a Redis or Valkey."""

import json

import redis

from persistence.outbox.target import sink_of
from persistence.postgres.store import InventoryStore
from tests.ledger.history import Past
from tests.outbox.conftest import Opened
from tests.outbox.played import new, played
from tests.outbox.receiver import until
from tests.servers import Servers

STREAM = "tests:changes"


def seqs(client: "redis.Redis", past: Past) -> list[int]:
    """Of a character, in the order in which they came first."""
    found = []
    for _, fields in client.xrange(STREAM):
        entry = json.loads(fields[b"entry"])
        assert (entry["char_id"], entry["seq"]) == (fields[b"char_id"].decode(), int(fields[b"seq"]))
        if entry["char_id"] == past.char_id:
            found.append(entry["seq"])
    return list(dict.fromkeys(found))


async def test_entries_are_appended_in_order(
    store: InventoryStore, outbox: Opened, each_redis: "redis.Redis", each_servers: Servers
) -> None:
    pasts = await new(store, 6)
    async with outbox(sink_of(f"{each_servers.redis.url}?stream={STREAM}", ())) as opened:
        for seed in range(3):
            await played(store, 4, *pasts, seed=seed)
            opened.note(past.char_id for past in pasts)
        await until(
            lambda: all(seqs(each_redis, past) == list(range(1, 13)) for past in pasts), "all are there"
        )


async def test_a_stream_has_its_greatest_length(
    store: InventoryStore, outbox: Opened, servers: Servers
) -> None:
    (past,) = await new(store)
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
        async with outbox(sink_of(f"{servers.redis.url}?stream={STREAM}&maxlen=100", ())) as opened:
            await played(store, 600, past)
            await until(lambda: opened.delivered >= 600, "all are delivered")
        # Whole nodes of the stream are dropped, of a hundred entries each.
        assert 100 <= client.xlen(STREAM) <= 300
        assert seqs(client, past)[-1] == 600


async def test_a_server_without_memory_takes_all_of_it_or_nothing(
    store: InventoryStore, outbox: Opened, servers: Servers
) -> None:
    (past,) = await new(store)
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
        client.config_set("maxmemory", 1)
        try:
            async with outbox(sink_of(f"{servers.redis.url}?stream={STREAM}", ())) as opened:
                await played(store, 5, past)
                opened.note([past.char_id])
                failed = opened.lane_of(past.char_id)
                await until(lambda: failed.failures > 0, "it was tried")
                assert client.xlen(STREAM) == 0
                client.config_set("maxmemory", 0)
                await until(lambda: seqs(client, past) == [1, 2, 3, 4, 5], "it is delivered")
        finally:
            client.config_set("maxmemory", 0)


async def test_something_else_under_its_name_is_told(
    store: InventoryStore, outbox: Opened, servers: Servers
) -> None:
    (past,) = await new(store)
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
        client.set(STREAM, "no stream")
        async with outbox(sink_of(f"{servers.redis.url}?stream={STREAM}", ())) as opened:
            await played(store, 2, past)
            opened.note([past.char_id])
            failed = opened.lane_of(past.char_id)
            await until(lambda: failed.failures > 0, "it was tried")
            client.delete(STREAM)
            await until(lambda: seqs(client, past) == [1, 2], "it is delivered")
