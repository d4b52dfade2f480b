"""The flusher with much to do: side by side, fair, and one flush of a character at a time."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

import pytest

from persistence.errors import Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol import flusher, write_behind
from persistence.records import FlushResult, FlushWork
from persistence.service import open_service
from tests.parity.world import ACTOR, CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

OTHERS = [f"0f0e0d0c-0b0a-4908-8706-0504030201{n:02x}" for n in range(1, 9)]
DUE = "inventory:due:"


def journal(site: Site, char_id: str) -> int:
    return int(site.client.llen(f"inventory:journal:{char_id}"))


async def played(gateway: InventoryOrchestrator, char_id: str, calls: int) -> None:
    if char_id != CHAR_ID:
        await gateway.create_character(char_id, "", ACTOR)
    await gateway.load_session(char_id)
    for _ in range(calls):
        await do(gateway, grant("gold"), char_id=char_id)


class Gate:
    """Holds up statements that are about one character; counts flushes of each that are under way."""

    def __init__(self, gateway: InventoryOrchestrator, monkeypatch: pytest.MonkeyPatch, held: str) -> None:
        self.met, self.opened = asyncio.Event(), asyncio.Event()
        self.most: Counter[str] = Counter()
        self._held, self._real = held, gateway.store.flush
        self._under_way: Counter[str] = Counter()
        monkeypatch.setattr(gateway.store, "flush", self._flush)

    async def _flush(self, batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
        char_ids = [work.char_id for work in batch]
        self._under_way.update(char_ids)
        for char_id in char_ids:
            self.most[char_id] = max(self.most[char_id], self._under_way[char_id])
        try:
            if self._held in char_ids:
                self.met.set()
                await self.opened.wait()
            return await self._real(batch)
        finally:
            self._under_way.subtract(char_ids)


async def test_a_caller_does_not_wait_for_a_flush_that_takes_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = OTHERS[0]
    async with site.gateway() as gateway, asyncio.timeout(20):
        await played(gateway, other, 0)
        gate = Gate(gateway, monkeypatch, CHAR_ID)
        await played(gateway, CHAR_ID, 1)
        await gate.met.wait()
        assert (await do(gateway, grant("gold"), char_id=other, durable=True))["durable_seq"] == 1
        # Its own flush is one that it has to wait for, and then for one more.
        mine = asyncio.create_task(do(gateway, grant("gold"), durable=True))
        assert (await do(gateway, grant("gold"), char_id=other, durable=True))["durable_seq"] == 2
        assert not mine.done()
        gate.opened.set()
        assert (await mine)["durable_seq"] == 2
    assert gate.most[CHAR_ID] == 1
    await site.audit()


async def test_one_flush_of_a_character_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway(flushing=False) as gateway, asyncio.timeout(20):
        await played(gateway, CHAR_ID, 2)
        gate = Gate(gateway, monkeypatch, CHAR_ID)
        writes = gateway._flusher._writes
        asked = [asyncio.create_task(writes.flush([CHAR_ID])) for _ in range(3)]
        asked.append(asyncio.create_task(gateway.save_session(CHAR_ID, evict=True)))  # type: ignore[arg-type]
        await gate.met.wait()
        assert writes.turns.free([CHAR_ID, OTHERS[0]]) == [OTHERS[0]]
        gate.opened.set()
        await asyncio.gather(*asked)
        assert gate.most == {CHAR_ID: 1} and writes.turns.free([CHAR_ID]) == [CHAR_ID]
    await site.audit()


async def test_who_has_much_takes_a_page_and_stands_in_line_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "ENTRIES_PER_PAGE", 3)
    async with site.gateway(flushing=False) as gateway:
        await played(gateway, CHAR_ID, 8)
        await played(gateway, OTHERS[0], 1)
        work, writes = gateway._work, gateway._flusher._writes
        claimed = await work.claim(limit=10, lease_ms=2_000, horizon_ms=1_000)
        assert claimed == [CHAR_ID, OTHERS[0]], "longest due first"
        await played(gateway, OTHERS[1], 1)
        flushed = await writes.flush(claimed, whole=False)
        assert flushed.failures == {} and (journal(site, CHAR_ID), journal(site, OTHERS[0])) == (5, 0)
        assert await work.claim(limit=2, lease_ms=2_000, horizon_ms=1_000) == [OTHERS[1], CHAR_ID]
        await writes.flush([CHAR_ID])
        assert journal(site, CHAR_ID) == 0, "who waits for it has all of it written"
    async with site.gateway():
        pass
    await site.audit()


async def test_a_batch_holds_no_more_entries_than_it_may(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "ENTRIES_PER_BATCH", 4)
    async with site.gateway(flushing=False) as gateway:
        for char_id in OTHERS[:2]:
            await played(gateway, char_id, 5)
        await gateway._flusher._writes.flush(OTHERS[:2], whole=False)
        assert [journal(site, char_id) for char_id in OTHERS[:2]] == [3, 3]
        await gateway._flusher._writes.flush(OTHERS[:2])
        assert [journal(site, char_id) for char_id in OTHERS[:2]] == [0, 0]


async def test_more_than_a_batch_is_flushed_in_batches(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher, "BATCH", 2)
    async with site.gateway(flushing=False) as gateway:
        for char_id in OTHERS:
            await played(gateway, char_id, 1)
    async with site.gateway() as gateway, asyncio.timeout(20):
        while any(journal(site, char_id) for char_id in OTHERS):
            await asyncio.sleep(0.005)
    await site.audit()


async def test_what_fails_is_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "persistence.protocol.pauses")
    monkeypatch.setattr(flusher, "LEASE_MS", 50)
    async with site.gateway() as gateway, asyncio.timeout(20):
        real, failures = gateway.store.flush, 3

        async def flush(batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
            nonlocal failures
            if failures:
                failures -= 1
                raise Unavailable("PostgreSQL: it is away")
            return await real(batch)

        monkeypatch.setattr(gateway.store, "flush", flush)
        await played(gateway, CHAR_ID, 1)
        while journal(site, CHAR_ID):
            await asyncio.sleep(0.005)
        assert failures == 0
        await do(gateway, grant("gold"), durable=True)
    said = [record.getMessage() for record in caplog.records if record.name == "persistence.protocol.pauses"]
    assert [words for words in said if not words.endswith("PostgreSQL: it is away")] == [
        "the flusher writes again"
    ]
    assert said[-1] == "the flusher writes again" and len(said) == 4
    await site.audit()


@pytest.mark.parametrize("last", [True, False])
async def test_what_a_flusher_had_leased_when_it_died(site: Site, last: bool) -> None:
    """The last of a deployment takes it along; any other leaves it to who comes when the lease has ended."""
    async with site.gateway(flushing=False) as dead:
        await played(dead, CHAR_ID, 2)
        assert await dead._work.claim(limit=1, lease_ms=flusher.LEASE_MS, horizon_ms=1_000) == [CHAR_ID]
    async with open_service(site.settings, site.ruleset, last=last):
        """Its end is what flushes."""
    assert journal(site, CHAR_ID) == (0 if last else 2)
    await site.audit()
