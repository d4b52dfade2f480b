"""Redis that is killed and comes back with its file, with a part of it, or with nothing; or stands still."""

import asyncio
import time

import pytest

from tests.adversity.players import Players
from tests.adversity.site import HERO, Site, char_ids, play, quantity, stopped, until
from tests.service.play import grant


async def test_killed_and_back_with_its_file(site: Site) -> None:
    """Everything acknowledged is there, flushed or not, and goes on under a new incarnation's tags."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        for _ in range(2):
            await players.more()
            site.kill_redis()
            site.start_redis()
        await players.more()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_killed_and_back_with_nothing(site: Site) -> None:
    """What was flushed is there, and with it what was acknowledged as durable; the rest is lost."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        await players.more()
        site.kill_redis()
        for file in (site.valkey.data / "appendonlydir").iterdir():
            file.unlink()
        site.start_redis()
        back = time.monotonic()
        await players.more()
        await players.stop()
        await site.flushed()
        assert all(told.begun < back for told in await players.lost()), "lost after it had come back"
    await site.audit()


@pytest.mark.parametrize("cut_off", [1, 70, 1500])
async def test_killed_and_back_with_a_file_whose_end_is_missing(site: Site, cut_off: int) -> None:
    """A session that lost its last calls is whole, and its seqs go on under tags that nobody has seen."""
    async with site.gateway(flushing=False) as gateway:
        replies = [await play(gateway, grant("gold"), op_id=f"op-{number}") for number in range(20)]
        site.kill_redis()
        (file,) = (site.valkey.data / "appendonlydir").glob("*.incr.aof")
        with file.open("r+b") as stream:
            stream.truncate(file.stat().st_size - cut_off)
        site.start_redis()
    async with site.gateway(flushing=False) as gateway:
        state, loaded = await gateway.load_session(HERO)
        assert loaded and 10 <= state.seq < 20
        assert await quantity(gateway, "gold") == state.seq, "a call is there with all it did, or not at all"
        known = {reply["tag"] for reply in replies}
        again = await play(gateway, grant("gold"), op_id="op-19")
        assert again["replayed"] is False and again["tag"] not in known
        assert (await play(gateway, grant("gold"), op_id="op-0"))["replayed"] is True
    async with site.gateway() as gateway:
        await gateway.save_session(HERO)
    await site.audit()


async def test_calls_and_flushes_outlast_a_standstill(site: Site) -> None:
    async with site.gateway() as gateway, Players(gateway, char_ids(8)) as players:
        await players.more()
        with stopped(site.valkey.pid):
            before = len(players.acknowledged)
            await asyncio.sleep(2)
            assert len(players.acknowledged) - before <= 8, "replies that were on their way"
        await players.more()
        await players.stop()
        assert players.unknown == 0, "2 s are less than what a reply may take"
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_a_black_hole_in_front_of_redis(site: Site) -> None:
    """Nothing answers and nothing is cut: calls end by their timeout, and none is taken for another's."""
    async with site.gateway() as gateway, Players(gateway, char_ids(8)) as players:
        await players.more()
        site.to_redis.stall()
        unknown = players.unknown
        await until(lambda: players.unknown > unknown, "a call gives up")
        site.to_redis.flow()
        await players.more()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()
