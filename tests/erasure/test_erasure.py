"""A character goes, wherever it stood; its ledger stays and leads to nobody."""

import asyncio
import json
import random
import uuid
from contextlib import suppress
from unittest.mock import AsyncMock

import asyncpg
import pytest

from engine.state import Actor
from persistence.desk.erasure import ERASING, Eraser
from persistence.desk.errors import DeskRefusal
from persistence.desk.restore import At
from persistence.desk.rewrite import Origin
from persistence.errors import (
    CharacterExists,
    CharacterNotFound,
    CharacterQuarantined,
    PersistenceError,
    SessionNotLive,
    Unavailable,
)
from persistence.moving_in.columns import Source
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.evictor import ALL_ENTRIES
from persistence.protocol.snapshot_session import session_from
from persistence.protocol.write_behind import work_of
from tests.desk.past import play, stolen
from tests.erasure.traces import traces
from tests.loading import begin_load
from tests.moving_in.tables import bring_in, jsonl
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

OPERATOR = Origin("operator tess")


async def erase(gateway: InventoryOrchestrator) -> None:
    await gateway.desk().eraser.erase(CHAR_ID, OPERATOR)


async def ledger(site: Site) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(site.settings.database_url)
    try:
        return list(await connection.fetch("SELECT * FROM journal ORDER BY char_id, seq"))
    finally:
        await connection.close()


async def is_gone(site: Site, gateway: InventoryOrchestrator, *, audit: bool = True) -> None:
    """Nowhere but in the list of the erased, and never again."""
    fences = {f"inventory:fence:{CHAR_ID}: {CHAR_ID}"}
    assert set(await traces(site, CHAR_ID, "Tess")) - fences == {f"erasures.char_id: {CHAR_ID}"}
    with pytest.raises(CharacterNotFound):
        await gateway.load_session(CHAR_ID)
    with pytest.raises(CharacterExists):
        await gateway.create_character(CHAR_ID, "Tess", Actor())
    if audit:
        await site.audit()


async def test_a_character_with_a_past(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        stone = uuid.uuid4().hex
        await do(gateway, grant("dagger"), by=f"player:{CHAR_ID}", request_id="of Tess", op_id="Tess 1")
        await do(gateway, grant("potion", 3), by="service", request_id="of Tess")
        await do(gateway, grant("dagger", item_id=stone), by="service")
        await gateway.save_session(CHAR_ID)
        await gateway.desk().restorer.restore(CHAR_ID, At(seq=2), Origin("operator pat", "Tess wrote to us"))
        await gateway.store.record_incident(CHAR_ID, "Tess", [b'{"seq": 9}'])
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 7), by="service", op_id="Tess 2")

        await erase(gateway)
        await is_gone(each_site, gateway)
        assert [key for key in each_site.client.scan_iter(f"*{CHAR_ID}*") if b"fence" not in key] == []
        assert 0 < each_site.client.ttl(f"inventory:fence:{CHAR_ID}") <= 3600
        rows = await ledger(each_site)
        assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]
        assert len({row["char_id"] for row in rows}) == 1 and str(rows[0]["char_id"]) != CHAR_ID
        assert [row["by"] for row in rows] == [
            "player",
            "service",
            "service",
            "operator pat",
            "service",
            "operator tess",
        ]
        assert {(row["request_id"], row["op_id"]) for row in rows} == {("", "")}
        assert json.loads(rows[3]["commands"]) == [{"op": "restore", "at_seq": 2}]
        assert json.loads(rows[5]["commands"]) == [{"op": "erase"}]
        assert len(json.loads(rows[5]["changes"])["removed"]) == 3
        # An id from elsewhere stays spent.
        other = (await gateway.create_character(None, "Otto", Actor())).char_id
        await gateway.load_session(other)
        assert (await do(gateway, grant("dagger", item_id=stone), char_id=other)).code == "ALREADY_EXISTS"
        # Again, and of nobody.
        await erase(gateway)
        with pytest.raises(CharacterNotFound):
            await gateway.desk().eraser.erase(str(uuid.uuid4()), OPERATOR)


async def test_a_long_ledger_goes_through_in_pieces(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And can be left in the midst of it."""
    monkeypatch.setattr("persistence.desk.erasure.ENTRIES_AT_ONCE", 4)
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(5), applied=30)
        await gateway.save_session(CHAR_ID)
        async with gateway.store.database.transaction() as connection:
            await connection.execute("INSERT INTO baselines SELECT $1, 3, now(), NULL, '[]', '{}'", CHAR_ID)
        before = await ledger(site)
        await erase(gateway)
        after = await ledger(site)
        assert [(r["seq"], r["at"], r["changes"]) for r in before] == [
            (r["seq"], r["at"], r["changes"]) for r in after[:-1]
        ]
        assert [key for key in await traces(site, CHAR_ID) if "fence" not in key] == [
            f"erasures.char_id: {CHAR_ID}"
        ]


async def test_the_ledger_is_closed_to_all_else(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(5), applied=3)
        await gateway.save_session(CHAR_ID)
        begin = "INSERT INTO erasures (char_id, alias) VALUES ($1, gen_random_uuid())"
        async with gateway.store.database.transaction() as connection:
            await connection.execute(begin, CHAR_ID)
        for what in (
            "DELETE FROM journal",
            "UPDATE journal SET by = 'x'",
            "UPDATE journal SET seq = seq + 1",
            "UPDATE journal SET char_id = gen_random_uuid()",
            "UPDATE journal SET changes = '{}', char_id = (SELECT alias FROM erasures)",
        ):
            with pytest.raises(ValueError, match="append-only"):
                async with gateway.store.database.transaction() as connection:
                    await connection.execute(what)


STEPS = ("_marked", "_removed", "_clear", "_forget")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_whoever_is_cut_off_begins_again(
    site: Site, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.gateway(flushing=False) as gateway, site.gateway(flushing=False) as other:
        await play(gateway, random.Random(5), applied=9)
        real = getattr(Eraser, step)

        async def dies(*args: object) -> object:
            if after:
                await real(*args)
            raise Unavailable("it went away")

        with monkeypatch.context() as patched:
            patched.setattr(Eraser, step, dies)
            with pytest.raises(Unavailable):
                await erase(gateway)
        if step in ("_clear", "_forget") or (step, after) == ("_removed", True):
            # Its session has ended, and nobody begins another one.
            with pytest.raises((CharacterQuarantined, CharacterNotFound)):
                await do_loaded(other)
        await erase(other)
        await is_gone(site, other)


async def do_loaded(gateway: InventoryOrchestrator) -> object:
    for _ in range(50):
        with suppress(SessionNotLive):
            return await do(gateway, grant("gold"))
        await gateway.load_session(CHAR_ID)
    raise AssertionError("it is not kept live")


async def test_while_it_is_played_through_two_gateways(each_site: Site) -> None:
    """Players, savers and evictors never pause; at the end there is nothing, and nothing comes back."""

    async def busy(gateway: InventoryOrchestrator, rng: random.Random) -> None:
        while True:
            try:
                await do_loaded(gateway)
                if rng.random() < 0.3:
                    await gateway.save_session(CHAR_ID, evict=rng.random() < 0.5)
            except CharacterNotFound:
                return
            except PersistenceError:
                await asyncio.sleep(0)

    async with each_site.gateway() as gateway, each_site.gateway() as other:
        tasks = [
            asyncio.create_task(busy(one, random.Random(n))) for n, one in enumerate([gateway, other] * 3)
        ]
        while (await gateway.store.character(CHAR_ID)).seq < 20:  # type: ignore[union-attr]
            await asyncio.sleep(0.005)
        async with asyncio.timeout(60):
            await asyncio.gather(erase(gateway), erase(other))
            await asyncio.gather(*tasks)
        await is_gone(each_site, gateway)
        rows = await ledger(each_site)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)) and len(rows) > 20
        await asyncio.sleep(0.1)
        await is_gone(each_site, other)


async def test_a_load_that_was_begun_before_comes_too_late(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway, each_site.gateway(flushing=False) as other:
        await play(gateway, random.Random(1), applied=4)
        await gateway.save_session(CHAR_ID, evict=True)
        probe = await gateway._sessions.probe(CHAR_ID)
        snapshot = await begin_load(gateway.store, CHAR_ID)
        await erase(other)
        late, _ = await gateway._sessions.open(
            session_from(snapshot, gateway.ruleset, gateway.items),
            probe=probe,
            epoch=snapshot.head.epoch,
            incarnation=snapshot.head.incarnation,
            catalog=gateway.items.version,
        )
        assert late == "REJECT"
        await is_gone(each_site, gateway)


async def test_a_flush_that_comes_late_finds_nobody(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway, site.gateway(flushing=False) as other:
        await play(gateway, random.Random(1), applied=4)
        pending = (await gateway._work.pending([CHAR_ID], limit=ALL_ENTRIES))[CHAR_ID]
        await erase(other)
        results = await gateway.store.flush([work_of(CHAR_ID, pending)])
        assert results[CHAR_ID].status == "absent"
        await is_gone(site, gateway)


async def test_a_session_that_comes_back_with_its_node(site: Site) -> None:
    """It is of nobody: it is not flushed, and goes when it is erased once more."""
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(1), applied=4)
        kept = {key: site.client.dump(key) for key in site.client.scan_iter(f"*{CHAR_ID}")}
        await erase(gateway)
        for key, value in kept.items():
            site.client.restore(key, 0, value, replace=True)
        with pytest.raises(CharacterNotFound):
            await gateway.save_session(CHAR_ID)
        await erase(gateway)
        await is_gone(site, gateway)


async def test_in_quarantine_and_damaged(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await stolen(gateway)
        with pytest.raises(CharacterQuarantined):
            await gateway.save_session(CHAR_ID)
        site.client.hset(f"inventory:session:{CHAR_ID}", "epoch", "what")
        site.client.rpush(f"inventory:incident:{CHAR_ID}", "{}")
        await erase(gateway)
        await is_gone(site, gateway, audit=False)


async def test_something_else_under_the_key_of_its_session(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        site.client.set(f"inventory:session:{CHAR_ID}", "what")
        await erase(gateway)
        await is_gone(site, gateway)


async def test_what_is_being_erased_is_not_released_nor_mended(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.store.quarantine(CHAR_ID, ERASING)
        for act in (gateway.desk().release, gateway.desk().repairer.examine):
            with pytest.raises(DeskRefusal, match="is being erased"):
                await act(CHAR_ID)
        # By hand, it can be; then it is marked again.
        eraser = gateway.desk().eraser
        real = eraser._save

        async def released_once(char_id: str, *, evict: bool = False) -> object:
            eraser._save = real  # type: ignore[method-assign]
            await gateway.store.release(char_id)
            return None

        eraser._save = released_once  # type: ignore[method-assign]
        await eraser.erase(CHAR_ID, OPERATOR)
        await is_gone(site, gateway)


async def test_a_character_made_at_the_same_moment_is_refused(site: Site) -> None:
    """One that has passed what is asked before, and is written after the erasure."""
    async with site.gateway(flushing=False) as gateway:
        await erase(gateway)
        connection = await asyncpg.connect(site.settings.database_url)
        with pytest.raises(asyncpg.RaiseError, match="was erased"):
            await connection.execute(
                "INSERT INTO characters (char_id, name, actor) VALUES ($1, '', '{}')", CHAR_ID
            )
        await connection.close()


async def test_who_is_erased_is_not_brought_in(site: Site) -> None:
    def table() -> Source:
        return jsonl([{"owner": CHAR_ID, "template": "gold", "quantity": 3}])

    async with site.gateway(flushing=False) as gateway:
        await erase(gateway)
        done = await bring_in(site, table())
        assert done.told() == [(1, "rejected", "CHARACTER_ERASED", 3)]


async def test_erasures_that_nobody_repeats_are_finished(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(1), applied=4)
        with monkeypatch.context() as patched:
            patched.setattr(Eraser, "_forget", AsyncMock(side_effect=Unavailable("it went away")))
            with pytest.raises(Unavailable):
                await erase(gateway)
        assert await gateway.desk().eraser.finish_abandoned() == 0, "whoever began may be at it"
        async with gateway.store.database.transaction() as connection:
            await connection.execute("UPDATE erasures SET begun_at = now() - interval '61 minutes'")
    async with site.gateway() as gateway:
        # Its housekeeping begins with the service.
        async with asyncio.timeout(30):
            while len(await traces(site, CHAR_ID)) > 2:
                await asyncio.sleep(0.02)
        await is_gone(site, gateway)
        assert await gateway.desk().eraser.finish(0, OPERATOR) == 0


async def test_one_that_cannot_be_ended_keeps_no_other_from_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.gateway(flushing=False) as gateway:
        eraser = gateway.desk().eraser
        other = (await gateway.create_character(None, "Oda", Actor())).char_id
        for char_id in (other, CHAR_ID):
            with monkeypatch.context() as patched:
                patched.setattr(Eraser, "_removed", AsyncMock(side_effect=Unavailable("it went away")))
                with pytest.raises(Unavailable):
                    await eraser.erase(char_id, OPERATOR)
        real = eraser._removed

        async def removed(char_id: str, origin: Origin) -> bool:
            if char_id == other:
                raise DeskRefusal("PostgreSQL refuses it")
            return await real(char_id, origin)

        monkeypatch.setattr(eraser, "_removed", removed)
        with pytest.raises(DeskRefusal):
            await eraser.finish(0, OPERATOR)
        await is_gone(site, gateway)
