"""Functions that vanish or are busy, and data that vanishes, in the middle of play."""

import asyncio
import time
from contextlib import suppress

import redis

from lua.library import Library
from tests.adversity.players import Players
from tests.adversity.site import Site, char_ids, play, until
from tests.service.play import grant

# Runs until it is killed, and may be, because it writes nothing.
SPIN = """#!lua name=spin
redis.register_function{function_name='spin', callback=function() while true do end end, flags={'no-writes'}}
"""


async def test_functions_vanish_amid_play(site: Site) -> None:
    """A server that does not have a function has done nothing: it is loaded, and nobody is told."""
    library = Library(site.ruleset).name
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        for _ in range(4):
            for command in (("FUNCTION", "FLUSH"), ("FUNCTION", "DELETE", library), ("SCRIPT", "FLUSH")):
                await players.more(25)
                with suppress(redis.ResponseError):
                    site.redis.execute_command(*command)
        await players.more()
        await players.stop()
        assert not players.refused and players.unknown == 0
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


async def test_a_busy_server_is_killed_free(site: Site) -> None:
    """While another's function runs, calls are refused with nothing done; a kill hits no call of ours."""
    site.redis.config_set("busy-reply-threshold", 20)
    site.redis.function_load(SPIN)
    async with site.gateway() as gateway, Players(gateway, char_ids(12), durable_every=0) as players:
        for _ in range(3):
            await players.more()
            refused = len(players.refused)
            spinning = asyncio.create_task(asyncio.to_thread(_spin, site.valkey.url))
            await until(lambda seen=refused: len(players.refused) > seen, "a call is refused as busy")
            with suppress(redis.ResponseError):
                site.redis.execute_command("SCRIPT", "KILL")
            site.redis.execute_command("FUNCTION", "KILL")
            await spinning
        # With nothing that runs too long, both answer that there is nothing to kill.
        for _ in range(20):
            for kind in ("FUNCTION", "SCRIPT"):
                with suppress(redis.ResponseError):
                    site.redis.execute_command(kind, "KILL")
        await players.more()
        await players.stop()
        assert players.unknown == 0
        await site.flushed()
        assert await players.lost() == []
    await site.audit()


def _spin(url: str) -> None:
    with redis.Redis.from_url(url) as client, suppress(redis.RedisError):
        client.execute_command("FCALL", "spin", 0)


async def test_all_data_vanish_amid_play(site: Site) -> None:
    """What was acknowledged in memory and not flushed is lost, and nothing else."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        risks: list[tuple[float, float]] = []
        for _ in range(3):
            await players.more()
            safe = time.monotonic()
            await site.flushed()
            await players.more()
            site.redis.execute_command("FLUSHALL")
            risks.append((safe, time.monotonic()))
        await players.more()
        await players.stop()
        await site.flushed()
        for told in await players.lost():
            assert any(safe <= told.ended and told.begun <= gone for safe, gone in risks), told
    await site.audit()


async def test_operation_ids_that_were_flushed_outlast_the_data(site: Site) -> None:
    async with site.gateway() as gateway:
        first = await play(gateway, grant("gold", 5), op_id="once", durable=True)
        site.redis.execute_command("FLUSHALL")
        again = await play(gateway, grant("gold", 5), op_id="once", durable=True)
        assert again == first | {"replayed": True}
    await site.audit()
