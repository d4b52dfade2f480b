"""An inventory as it was: to the item, whoever plays meanwhile, and never at another's cost."""

import asyncio
import random
from contextlib import suppress
from importlib.resources import files
from unittest.mock import AsyncMock

import msgspec
import pytest

from engine.ruleset import parse_ruleset
from persistence.desk import rewrite
from persistence.desk.closing import Closing
from persistence.desk.errors import DeskRefusal, PreviewOutdated
from persistence.desk.restore import At
from persistence.desk.rewrite import Origin
from persistence.errors import CharacterNotFound, CharacterQuarantined, SessionNotLive, Unavailable
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.ledger.errors import HistoryDropped
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.evictor import ALL_ENTRIES
from persistence.protocol.snapshot_session import session_from
from persistence.protocol.write_behind import work_of
from tests.desk.past import OTHER_ID, everything, give, live_items, play, replays, stolen
from tests.loading import begin_load
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, stored_items

OPERATOR = Origin("operator tess", "a mistake")


async def restore(gateway: InventoryOrchestrator, seq: int) -> int:
    _, new_seq = await gateway.desk().restorer.restore(CHAR_ID, At(seq=seq), OPERATOR)
    assert new_seq is not None
    return new_seq


@pytest.mark.parametrize("seed", range(3))
async def test_every_moment_can_be_brought_back(site: Site, seed: int) -> None:
    async with site.gateway(flushing=False) as gateway:
        rng = random.Random(seed)
        await play(gateway, rng, applied=25)
        await gateway.save_session(CHAR_ID)
        states = await replays(gateway)
        order = list(range(len(states)))
        rng.shuffle(order)
        new_seq = len(states) - 1
        for number, seq in enumerate(order):
            before = (await replays(gateway))[-1].items
            _, restored_seq = await gateway.desk().restorer.restore(CHAR_ID, At(seq=seq), OPERATOR)
            if before == states[seq].items:
                assert restored_seq is None, "there is nothing to do"
            else:
                new_seq += 1
                assert restored_seq == new_seq
            if number % 3 == 0:
                assert await live_items(gateway) == states[seq].items
        restored = (await replays(gateway))[-1]
        assert restored.items == states[order[-1]].items
        actor = (await gateway.character(CHAR_ID)).actor
        assert actor == (states[-1].actor or ACTOR), "what the character is, is the game's to say"
    await site.audit()


async def test_the_ledger_tells_of_it(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        dagger = first_item(await do(gateway, grant("potion", 4)))
        await do(gateway, {"op": "drop", "item_id": dagger})
        before = await gateway.store.character(CHAR_ID)
        assert await restore(gateway, 2) == 4
        assert each_site.client.keys("inventory:session:*") == []
        after = await gateway.store.character(CHAR_ID)
        assert before is not None and after is not None
        assert not after.open and after.epoch > before.epoch and after.incarnation > before.incarnation
        entry = (await gateway.store.journal(CHAR_ID, 3))[0]
        assert (entry.by, entry.request_id, entry.op_id) == ("operator tess", "", "")
        assert msgspec.json.decode(entry.commands) == [{"op": "restore", "at_seq": 2, "reason": "a mistake"}]
        assert [item.quantity for item in entry.changes.changed] == [4] and entry.changes.removed == ()
        # The character goes on being played.
        assert (await do_loaded(gateway, grant("gold")))["seq"] == 5
        assert (await gateway.desk().history(CHAR_ID, 0, 1)).incidents == []
        await gateway.save_session(CHAR_ID)
    await each_site.audit()


async def do_loaded(gateway: InventoryOrchestrator, command: dict[str, object]) -> dict[str, object]:
    while True:
        with suppress(SessionNotLive):
            reply: dict[str, object] = await do(gateway, command)
            return reply
        await gateway.load_session(CHAR_ID)


async def test_to_a_time(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(11), applied=4)
        await gateway.save_session(CHAR_ID)
        third = (await gateway.store.journal(CHAR_ID))[2]
        last_then = max(e.seq for e in await gateway.store.journal(CHAR_ID) if e.at <= third.at)
        seen = await gateway.desk().restorer.preview(CHAR_ID, At(time_ms=third.at))
        assert seen.at_seq == last_then
        assert (await gateway.desk().restorer.preview(CHAR_ID, At(seq=0))).after == {}
        # A time before all of it is more likely mistyped than meant.
        with pytest.raises(DeskRefusal, match=r"its first entry is of \d{4}-.*Z; give --at 0 to mean before"):
            await gateway.desk().restorer.preview(CHAR_ID, At(time_ms=0))


async def test_while_it_is_played(site: Site) -> None:
    """A player who never stops; what was acknowledged is there, and the ledger is whole."""
    played: list[int] = []

    async def player(gateway: InventoryOrchestrator, done: asyncio.Event) -> None:
        while not done.is_set():
            played.append(int((await do_loaded(gateway, grant("gold")))["seq"]))  # type: ignore[call-overload]

    async with site.gateway() as gateway, site.gateway(flushing=False) as console:
        await do_loaded(gateway, grant("dagger"))
        done = asyncio.Event()
        playing = asyncio.create_task(player(gateway, done))
        restored: list[int] = []
        async with asyncio.timeout(60):
            while len(restored) < 10 or len(played) < 100:
                _, seq = await console.desk().restorer.restore(CHAR_ID, At(seq=1), OPERATOR)
                restored += [] if seq is None else [seq]
                await asyncio.sleep(0.01)
        done.set()
        await playing
        await gateway.save_session(CHAR_ID)
        entries = await gateway.store.journal(CHAR_ID, 0, 10_000)
    assert len(set(played) | set(restored)) == len(played) + len(restored)
    assert [entry.seq for entry in entries] == sorted([1, *played, *restored])
    by_seq = {entry.seq: entry for entry in entries}
    assert {by_seq[seq].by for seq in restored} == {"operator tess"}
    assert {by_seq[seq].by for seq in played} == {""}
    await site.audit()


async def test_an_item_that_is_anothers_by_now(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.store.create_character(OTHER_ID, "Otto", ACTOR)
        await gateway.load_session(CHAR_ID)
        dagger = first_item(await do(gateway, grant("dagger")))
        await do(gateway, grant("potion", 3))
        await gateway.save_session(CHAR_ID)
        await give(gateway, dagger, OTHER_ID)
        before = await everything(gateway)
        with pytest.raises(DeskRefusal, match=f"dagger {dagger} .{OTHER_ID}"):
            await gateway.desk().restorer.preview(CHAR_ID, At(seq=1))
        with pytest.raises(DeskRefusal, match=f"dagger {dagger} .{OTHER_ID}"):
            await restore(gateway, 1)
        assert await everything(gateway) == before
        assert (await gateway.character(CHAR_ID)).live, "the session goes on"


async def test_a_load_begun_before_comes_too_late(each_site: Site) -> None:
    """Its rows are read, and then it is held up until after the restoration."""
    async with each_site.gateway(flushing=False) as gateway, each_site.gateway(flushing=False) as console:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await do(gateway, grant("potion", 3))
        await gateway.save_session(CHAR_ID, evict=True)
        probe = await gateway._sessions.probe(CHAR_ID)
        snapshot = await begin_load(gateway.store, CHAR_ID)
        assert len(snapshot.items) == 2

        assert await restore(console, 1) == 3
        late, _ = await gateway._sessions.open(
            session_from(snapshot, gateway.ruleset, gateway.items),
            probe=probe,
            epoch=snapshot.head.epoch,
            incarnation=snapshot.head.incarnation,
            catalog=gateway.items.version,
        )
        assert late == "REJECT"
        assert len(await live_items(gateway)) == 1
    await each_site.audit()


async def test_the_preview_is_what_is_done(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await do(gateway, grant("potion", 3))
        seen = await gateway.desk().restorer.preview(CHAR_ID, At(seq=1))
        assert (seen.at_seq, seen.seq, len(seen.changes.removed)) == (1, 2, 1)
        assert (await gateway.character(CHAR_ID)).live, "a look ends nothing"
        await do(gateway, grant("gold"))
        with pytest.raises(PreviewOutdated):
            await gateway.desk().restorer.restore(CHAR_ID, At(seq=1), OPERATOR, seen=seen)
        assert len(await live_items(gateway)) == 3
        seen = await gateway.desk().restorer.preview(CHAR_ID, At(seq=1))
        done, seq = await gateway.desk().restorer.restore(CHAR_ID, At(seq=1), OPERATOR, seen=seen)
        assert (done, seq) == (seen, 4)


async def test_what_cannot_be(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        restorer = gateway.desk().restorer
        with pytest.raises(CharacterNotFound):
            await restorer.preview(OTHER_ID, At(seq=0))
        await play(gateway, random.Random(1), applied=3)
        with pytest.raises(DeskRefusal, match="is at entry 3: there is no entry 4 yet"):
            await restorer.preview(CHAR_ID, At(seq=4))
        await gateway.store.quarantine(CHAR_ID, "not today")
        with pytest.raises(CharacterQuarantined, match="not today"):
            await restorer.preview(CHAR_ID, At(seq=1))
        before = await everything(gateway)
        with pytest.raises(CharacterQuarantined, match="not today"):
            await restorer.restore(CHAR_ID, At(seq=1), OPERATOR)
        assert [part[1:] for part in await everything(gateway)] == [part[1:] for part in before]


async def test_what_the_ledger_has_forgotten(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(1), applied=3)
        await gateway.save_session(CHAR_ID)
        async with gateway.store.database.transaction() as connection:
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
            await connection.execute("INSERT INTO baselines SELECT $1, 2, now(), NULL, '[]', '{}'", CHAR_ID)
            await connection.execute("DELETE FROM journal WHERE seq <= 2")
        with pytest.raises(HistoryDropped):
            await gateway.desk().restorer.preview(CHAR_ID, At(seq=1))


async def test_templates_that_are_gone(site: Site) -> None:
    """The items come back, and stay as they are until the catalog has the template again."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        dagger = first_item(await do(gateway, grant("dagger")))
        await do(gateway, {"op": "drop", "item_id": dagger})
        await gateway.save_session(CHAR_ID, evict=True)
        rest = [Template(facts, {}) for name, facts in TEMPLATES.items() if name != "dagger"]
        await import_catalog(gateway.store, rest, force=True)
        await gateway.items.refresh()
        await restore(gateway, 1)
        items = await live_items(gateway)
        assert [item.template_id for item in items.values()] == ["dagger"]
        assert (await do(gateway, {"op": "equip", "item_id": dagger})).code == "FROZEN"


async def test_places_that_are_gone(site: Site) -> None:
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        ore = first_item(await do(gateway, grant("ore", 7, container="bank")))
        await do(gateway, {"op": "drop", "item_id": ore})
        await gateway.save_session(CHAR_ID, evict=True)
    site.ruleset = parse_ruleset(text.replace('"bank"', '"vault"'))
    async with site.gateway(flushing=False) as gateway:
        seen = await gateway.desk().restorer.preview(CHAR_ID, At(seq=1))
        assert [item.place.container for item in seen.misplaced] == ["bank"]
        await restore(gateway, 1)
        assert await stored_items(gateway) == {ore: ("ore", 7, "overflow:0")}
        assert [item.place.container for item in (await live_items(gateway)).values()] == ["overflow"]


async def test_a_session_that_redis_lost(site: Site) -> None:
    """PostgreSQL says that one is out, and nobody would ever close it."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID)
        site.client.flushdb()
        assert await restore(gateway, 0) == 2
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.incarnation == 2, "what is lost with it, its tag must not name"
        assert await stored_items(gateway) == {}


async def test_a_load_that_died(each_site: Site) -> None:
    """PostgreSQL's epoch is above the session's, which nobody else would ever take over."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await begin_load(gateway.store, CHAR_ID)
        assert await restore(gateway, 0) == 2
        assert await live_items(gateway) == {}
        await begin_load(gateway.store, CHAR_ID)
        assert await restore(gateway, 1) == 3
    await each_site.audit()


async def test_a_node_that_came_back(site: Site) -> None:
    """It may have lost what it had answered under the seqs to come."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        assert (await do(gateway, grant("dagger")))["tag"] == "0.1"
        site.client.hset(f"inventory:session:{CHAR_ID}", "gen", '"another node"')
        assert await restore(gateway, 0) == 2
        await gateway.load_session(CHAR_ID)
        assert (await gateway.read_session(CHAR_ID)).tag == "2.2"
    await site.audit()


async def test_a_flush_that_died(site: Site) -> None:
    """PostgreSQL has entries that the session has not been told of."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        pending = (await gateway._work.pending([CHAR_ID], limit=ALL_ENTRIES))[CHAR_ID]
        await gateway.store.flush([work_of(CHAR_ID, pending)])
        await do(gateway, grant("potion"))
        assert await restore(gateway, 1) == 3
        assert [item.template_id for item in (await live_items(gateway)).values()] == ["dagger"]
    await site.audit()


async def test_the_desk_dies_before_the_session_is_gone(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is behind PostgreSQL then, and whoever comes next replaces it."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        with monkeypatch.context() as patched:
            patched.setattr(Closing, "finish", AsyncMock(side_effect=Unavailable("it went away")))
            with pytest.raises(Unavailable):
                await restore(gateway, 0)
        assert each_site.client.hget(f"inventory:session:{CHAR_ID}", "status") == b'"CLOSING"'
        assert await live_items(gateway) == {}
        assert (await do(gateway, grant("potion")))["seq"] == 3
        await gateway.save_session(CHAR_ID)
    await each_site.audit()


async def test_a_session_that_postgresql_refuses(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await stolen(gateway)
        with pytest.raises(CharacterQuarantined, match="not this owner's"):
            await restore(gateway, 0)
        assert len(await gateway.desk().quarantined()) == 1
        assert len(await gateway.store.journal(CHAR_ID)) == 1


async def test_what_fails_leaves_the_session_as_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID)
        await do(gateway, grant("potion"))
        before = await everything(gateway)
        with monkeypatch.context() as patched:
            patched.setattr(rewrite, "append", AsyncMock(side_effect=Unavailable("it went away")))
            with pytest.raises(Unavailable):
                await restore(gateway, 0)
        assert await everything(gateway) == before
        assert (await do(gateway, grant("gold")))["seq"] == 3, "it is live"
        await gateway.save_session(CHAR_ID)
    await site.audit()
