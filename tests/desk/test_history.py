"""The ledger in pages: PostgreSQL's entries and then the session's, none twice and none missed."""

import random
from typing import Any

import pytest

from persistence.desk.history import JournalPage
from persistence.errors import CharacterNotFound
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.evictor import ALL_ENTRIES
from persistence.protocol.write_behind import work_of
from tests.desk.past import play, stolen
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

NOBODY = "00000000-0000-4000-8000-00000000dead"


def seqs(page: JournalPage) -> list[int]:
    return [entry.seq for entry in page.entries]


async def all_pages(gateway: InventoryOrchestrator, limit: int, after_seq: int = 0) -> list[int]:
    found: list[int] = []
    while True:
        page = await gateway.journal(CHAR_ID, after_seq, limit)
        assert len(page.entries) <= limit
        found += seqs(page)
        if page.next_after is None:
            return found
        assert page.next_after == found[-1] and len(page.entries) == limit
        after_seq = page.next_after


async def test_what_is_not_flushed_comes_after_what_is(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(1), applied=6)
        await gateway.save_session(CHAR_ID)
        await play(gateway, random.Random(2), applied=5)
        assert len(await gateway.store.journal(CHAR_ID)) == 6
        for limit in range(1, 13):
            assert await all_pages(gateway, limit) == list(range(1, 12))
        for after_seq in range(13):
            assert await all_pages(gateway, 2, after_seq) == list(range(after_seq + 1, 12))
        before = await gateway.journal(CHAR_ID, 0, 100)
        await gateway.save_session(CHAR_ID, evict=True)
        after = await gateway.journal(CHAR_ID, 0, 100)
        assert [(e.seq, e.at, e.by, e.changes) for e in before.entries] == [
            (e.seq, e.at, e.by, e.changes) for e in after.entries
        ], "PostgreSQL tells the same as the session did"
        assert each_site.client.keys("inventory:session:*") == [], "looking back loads nothing"


async def test_the_reply_that_is_remembered_is_not_told(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"), op_id="once", by="shop", request_id="r-1")
        (entry,) = (await gateway.journal(CHAR_ID, 0, 10)).entries
        assert (entry.op_id, entry.by, entry.request_id, entry.done) == ("once", "shop", "r-1", None)


async def test_an_entry_that_both_have_stands_once(site: Site) -> None:
    """A flush that died before it settled leaves the session with what PostgreSQL has as well."""
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(3), applied=4)
        pending = (await gateway._work.pending([CHAR_ID], limit=ALL_ENTRIES))[CHAR_ID]
        await gateway.store.flush([work_of(CHAR_ID, pending)])
        await play(gateway, random.Random(4), applied=2)
        for limit in (1, 3, 4, 5, 6, 7):
            assert await all_pages(gateway, limit) == [1, 2, 3, 4, 5, 6]


async def test_a_flush_between_the_two_looks_hides_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(5), applied=5)
        journal = gateway.store.journal

        async def flushed_meanwhile(*args: Any) -> Any:
            await gateway.save_session(CHAR_ID, evict=True)
            return await journal(*args)

        monkeypatch.setattr(gateway.store, "journal", flushed_meanwhile)
        assert seqs(await gateway.journal(CHAR_ID, 0, 100)) == [1, 2, 3, 4, 5]


async def test_what_retention_dropped_is_left_out(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(6), applied=8)
        await gateway.save_session(CHAR_ID)
        await play(gateway, random.Random(7), applied=2)
        async with gateway.store.database.transaction() as connection:
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
            await connection.execute("DELETE FROM journal WHERE seq <= 6")
        assert await all_pages(gateway, 3) == [7, 8, 9, 10]
        history = await gateway.desk().history(CHAR_ID, 0, 3)
        assert history.before is None


async def test_a_quarantined_sessions_entries_do_not_count(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await stolen(gateway)
        assert seqs(await gateway.journal(CHAR_ID, 0, 10)) == [1, 2]
        await gateway._flusher._writes.flush([CHAR_ID])
        assert seqs(await gateway.journal(CHAR_ID, 0, 10)) == [1]
        history = await gateway.desk().history(CHAR_ID, 0, 10)
        assert history.quarantined and "not this owner's" in history.quarantined


async def test_the_items_before_a_page(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await do(gateway, grant("potion", 3))
        await gateway.save_session(CHAR_ID)
        history = await gateway.desk().history(CHAR_ID, 1, 10)
        assert history.before is not None
        assert [item.template_id for item in history.before.values()] == ["dagger"]


async def test_nobody_has_no_ledger(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        with pytest.raises(CharacterNotFound):
            await gateway.journal(NOBODY, 0, 10)
        with pytest.raises(CharacterNotFound):
            await gateway.desk().history(NOBODY, 0, 10)
        assert await gateway.journal(CHAR_ID, 0, 10) == JournalPage((), None)
        assert await gateway.journal(CHAR_ID, 10**15 - 1, 500) == JournalPage((), None)
