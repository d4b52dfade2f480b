"""PostgreSQL away, cut off, restarted: what was done is always told rightly."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import pytest

from engine.ruleset import Ruleset
from persistence.errors import CharacterExists, FlushRejected, OutcomeUnknown, Unavailable
from persistence.postgres.database import Database, _is_gone
from persistence.postgres.store import InventoryStore
from persistence.records import FlushWork
from tests.loading import begin_load
from tests.store.cutting_proxy import CuttingProxy
from tests.store.given import HERO, entry, items_of, loaded, new_id, new_item, work


async def test_after_a_restart_the_same_store_goes_on(
    store: InventoryStore, restart_postgres: Callable[[], None]
) -> None:
    item = new_item()
    snapshot = await loaded(store, item)
    await asyncio.gather(*(store.ping() for _ in range(8)))
    await asyncio.to_thread(restart_postgres)
    # Each dead connection may be noticed only when it is used, at the cost of one refused call.
    async with asyncio.timeout(10):
        while True:
            try:
                again = await begin_load(store, snapshot.head.char_id)
                break
            except Unavailable:
                await asyncio.sleep(0.01)
    assert again.items == (item,)
    assert again.head.epoch == snapshot.head.epoch + 1


async def test_what_cannot_be_reached_is_unavailable(
    proxied: InventoryStore, proxy: CuttingProxy, ruleset: Ruleset
) -> None:
    snapshot = await loaded(proxied)
    await proxy.close()
    for call in (
        proxied.ping(),
        proxied.character(new_id()),
        proxied.characters("x"),
        proxied.journal(new_id()),
        proxied.create_character(new_id(), "x", HERO),
        begin_load(proxied, snapshot.head.char_id),
        proxied.flush([work(snapshot, entry(1))]),
        proxied.quarantine(new_id(), "x"),
        proxied.pending_migrations(),
        InventoryStore.connect(proxy.url, ruleset),
    ):
        with pytest.raises(Unavailable):
            await call


async def test_a_connection_lost_before_commit_means_nothing_was_done(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    char_id = (await loaded(store)).head.char_id
    for cut in (b"BEGIN", b"UPDATE characters"):
        for proxy.cut_before, proxy.cut_after in ((cut, None), (None, cut)):
            with pytest.raises(Unavailable):
                await proxied.quarantine(char_id, "why")
        proxy.cut_before = proxy.cut_after = None
        async with store.database.connection() as connection:
            kept = "SELECT quarantined FROM characters WHERE char_id = $1"
            assert await connection.fetchval(kept, char_id) is None


async def test_a_lost_reply_to_a_flush_is_an_unknown_outcome(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    snapshot, item = await loaded(store), new_item()
    char_id = snapshot.head.char_id
    same = work(snapshot, entry(1, [item]))
    await proxied.flush([work(snapshot)])
    # The statement is prepared by now, so what goes over are its arguments.
    proxy.cut_before = item.item_id.encode()
    with pytest.raises(OutcomeUnknown):
        await proxied.flush([same])
    proxy.cut_before = None
    assert await items_of(store, char_id) == set(), "lost on the way there: not done"
    proxy.cut_after = item.item_id.encode()
    with pytest.raises(OutcomeUnknown):
        await proxied.flush([same])
    proxy.cut_after = None
    assert await items_of(store, char_id) == {item}, "lost on the way back: done"
    result = (await proxied.flush([same]))[char_id]
    assert (result.status, result.epoch, result.seq) == ("passed_over", 1, 1), "a repeat finds it out"


async def test_a_character_whose_making_was_unknown_is_made_once(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    char_id = new_id()
    proxy.cut_after = b"COMMIT"
    with pytest.raises(OutcomeUnknown):
        await proxied.create_character(char_id, "Aria", HERO)
    proxy.cut_after = None
    with pytest.raises(CharacterExists):
        await proxied.create_character(char_id, "Aria", HERO)


async def test_a_load_whose_outcome_is_unknown_may_be_repeated(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    snapshot = await loaded(store)
    for proxy.cut_before, proxy.cut_after in ((b"COMMIT", None), (None, b"COMMIT")):
        with pytest.raises(Unavailable):
            await begin_load(proxied, snapshot.head.char_id)
    proxy.cut_before = proxy.cut_after = None
    assert (await begin_load(proxied, snapshot.head.char_id)).head.epoch == snapshot.head.epoch + 2


async def test_a_deferred_refusal_at_commit_is_a_verdict(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    with pytest.raises(FlushRejected, match="items_place"):
        await store.flush([work(snapshot, entry(1, [new_item(slot=1), new_item(slot=1)]))])
    assert await store.character(snapshot.head.char_id) == snapshot.head


async def test_a_connection_known_to_be_gone_is_not_committed_on(store: InventoryStore) -> None:
    with pytest.raises(Unavailable, match="before COMMIT"):
        async with store.database.transaction(FlushRejected) as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            async with store.database.connection() as other:
                await other.execute("SELECT pg_terminate_backend($1)", pid)
            async with asyncio.timeout(5):
                while not _is_gone(connection):
                    await asyncio.sleep(0.005)


async def test_a_full_pool_is_unavailable_after_a_while(database_url: str, ruleset: Ruleset) -> None:
    store = await InventoryStore.connect(database_url, ruleset, pool_size=1, acquire_timeout_s=0.1)
    async with store.database.connection():
        with pytest.raises(Unavailable):
            await store.ping()
    await store.ping()
    await store.close()


async def test_a_database_without_tables_is_unavailable(empty_database_url: str, ruleset: Ruleset) -> None:
    """No row is to blame: to quarantine characters for it would stop all of them."""
    store = await InventoryStore.connect(empty_database_url, ruleset)
    with pytest.raises(Unavailable, match="does not exist"):
        await store.flush([FlushWork(new_id(), 1, 0, (entry(1),))])
    await store.close()


async def test_a_closed_store_is_unavailable(database_url: str, ruleset: Ruleset) -> None:
    store = await InventoryStore.connect(database_url, ruleset)
    await store.close()
    with pytest.raises(Unavailable):
        await store.ping()


async def test_a_transaction_given_up_at_any_moment_is_rolled_back(
    store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def begin() -> None:
        async with store.database.transaction():
            ended.set()

    ended, turns = asyncio.Event(), 0
    while not ended.is_set():
        task, turns = asyncio.create_task(begin()), turns + 1
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert not caplog.records, "a connection goes back to the pool without an open transaction"


async def test_a_transaction_left_idle_gives_its_locks_back(database_url: str, ruleset: Ruleset) -> None:
    """A process stopped in the middle of a flush must not hold its characters for ever."""
    store = await InventoryStore.connect(database_url, ruleset)
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    stopped = await Database.connect(database_url, pool_size=1, idle_in_transaction_s=0.2)
    with pytest.raises((OutcomeUnknown, Unavailable)):
        async with stopped.transaction() as connection:
            await connection.execute("UPDATE characters SET seq = 9 WHERE char_id = $1", char_id)
            async with asyncio.timeout(5):
                while (result := (await store.flush([work(snapshot, entry(1))]))[char_id]).status == "busy":
                    await asyncio.sleep(0.01)
    assert (result.status, result.seq) == ("flushed", 1)
    await stopped.close()
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hunter/2@127.0.0.1:1/x",
        "postgresql://someone:hunter2@127.0.0.1:hunter2/x",
        "postgresql://someone:hunter2@127.0.0.1/x?sslmode=hunter2",
        "mysql://someone:hunter2@127.0.0.1/x",
    ],
)
async def test_a_bad_url_is_never_repeated(url: str, ruleset: Ruleset) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        await InventoryStore.connect(url, ruleset)
    assert "hunter" not in str(refused.value) and refused.value.__suppress_context__


async def test_a_password_is_in_no_error_and_no_log(
    proxy: CuttingProxy, ruleset: Ruleset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    parts = urlsplit(proxy.url)
    secret = urlunsplit(parts._replace(netloc=f"nobody-here:hunter2@127.0.0.1:{parts.port}"))
    await proxy.close()
    for url in (secret, secret.replace(f":{parts.port}", ":1")):
        with pytest.raises(Unavailable) as refused:
            await InventoryStore.connect(url, ruleset)
        assert "hunter2" not in repr(refused.value)
    assert "hunter2" not in caplog.text
