"""PostgreSQL that stops, dies, stands still or comes back amid flushes: play goes on, and all is written."""

import asyncio
import signal
import time

import psutil
import pytest

from persistence.errors import Backpressure, OutcomeUnknown
from tests.adversity.players import Players
from tests.adversity.site import HERO, Site, char_ids, play, stopped, until
from tests.service.play import grant


async def test_away_and_back(site: Site) -> None:
    async with site.gateway() as gateway, Players(gateway, char_ids(12), durable_every=0) as players:
        await players.more()
        site.stop_postgres(signal.SIGQUIT)
        await players.more(600)
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold"), durable=True)
        site.start_postgres()
        await site.flushed()
        await players.more()
        await players.stop()
        await site.flushed()
        assert not players.refused and players.unknown == 0, "live sessions do not need PostgreSQL"
        assert await players.lost() == []
    await site.audit()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_restarted_amid_flushes(site: Site, number: signal.Signals) -> None:
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        for _ in range(3):
            await players.more(150)
            site.stop_postgres(number)
            site.start_postgres()
        await players.more()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_a_standstill(site: Site) -> None:
    """Flushes wait and calls do not; those who want durability get it in the end."""
    async with site.gateway() as gateway:
        await gateway.load_session(HERO)
        async with Players(gateway, char_ids(12)[1:], durable_every=0) as players:
            await players.more()
            with stopped(*(child.pid for child in psutil.Process(site.postgres.pid).children())):
                waiting = asyncio.create_task(play(gateway, grant("gold"), durable=True))
                await players.more(600)
                assert not waiting.done()
            assert (await waiting)["durable_seq"] == 1
            await players.stop()
            await site.flushed()
            assert not players.refused and players.unknown == 0
            assert await players.lost() == []
    await site.audit()


async def test_a_black_hole_in_front_of_postgresql(site: Site) -> None:
    """A flush that hangs on one connection is not the end of flushing when the line is cut."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12), durable_every=0) as players:
        await players.more()
        site.to_postgres.stall()
        await players.more(600)
        assert site.unflushed()
        site.to_postgres.cut()
        site.to_postgres.flow()
        await site.flushed()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_replies_that_end_in_their_middle(site: Site) -> None:
    """Whatever part of a flush PostgreSQL has seen, and whatever part of its answers came back."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        await players.more()
        for number in range(24):
            site.to_postgres.cut_within("up" if number % 2 else "down", 37 * number)
            await until(lambda wanted=number + 1: site.to_postgres.hits >= wanted, "the cut")
        await players.more()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_what_waits_for_postgresql_is_bounded(site: Site) -> None:
    """Beyond the bound calls are refused with nothing done, and go on by themselves when it is back."""
    async with site.gateway(unflushed_max_s=1) as gateway:
        first = await play(gateway, grant("gold"), op_id="first", durable=True)
        site.stop_postgres(signal.SIGQUIT)
        applied, began = 1, time.monotonic()
        with pytest.raises(Backpressure):
            while time.monotonic() - began < 10:
                await play(gateway, grant("gold"))
                applied += 1
                await asyncio.sleep(0.01)
        assert 1 <= time.monotonic() - began < 5
        again = await play(gateway, grant("gold"), op_id="first")
        assert (again["replayed"], again["tag"]) == (True, first["tag"])
        with pytest.raises(Backpressure):
            await play(gateway, grant("gold"), op_id="second")
        assert int(site.redis.hget(f"inventory:session:{HERO}", "seq") or 0) == applied
        site.start_postgres()

        async def goes_on() -> bool:
            try:
                return (await play(gateway, grant("gold"), op_id="second"))["replayed"] is False
            except Backpressure:
                return False

        await until(goes_on, "play goes on")
        state = await gateway.save_session(HERO)
        assert state.durable_seq == applied + 1
    await site.audit()
