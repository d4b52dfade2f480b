"""A service that is restarted and killed under a stream, bulk bodies and single calls: every coin once."""

import asyncio
import signal
from pathlib import Path

from engine.ruleset import Ruleset
from haversack_client import CharacterHandle, Haversack, Reply, Stream, request
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import COIN, coins_of
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, Serving

PLAYERS = 12
# What every player has earned at least before the next blow falls.
COINS = 75


class Player:
    """Earns coins one way or another, without a thought for what becomes of the service."""

    def __init__(self, hero: CharacterHandle) -> None:
        self.hero = hero
        self.replies: list[Reply] = []
        self.tired = False

    async def stream(self, stream: Stream) -> None:
        while not self.tired:
            self.replies.append(await stream.execute(self.hero.char_id, [COIN]))

    async def call(self) -> None:
        while not self.tired:
            self.replies.append(await self.hero.execute([COIN]))

    async def bulk(self, client: Haversack) -> None:
        while not self.tired:
            for result in await client.execute_many([request(self.hero.char_id, COIN)] * 25):
                assert isinstance(result, Reply), result
                self.replies.append(result)


async def until_earned(players: list[Player], playing: list[asyncio.Task[None]], coins: int) -> None:
    """Wait until each has earned so many more, which the service that runs now has given them."""
    goals = [len(player.replies) + coins for player in players]
    while any(len(player.replies) < goal for player, goal in zip(players, goals, strict=True)):
        for task in playing:
            if task.done():
                task.result()
        await asyncio.sleep(0.005)


async def test_every_coin_once(servers: Servers, ruleset: Ruleset, tmp_path: Path, database_url: str) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    service = Serving(tmp_path / "log 0", "--demo", env=env)
    proxy = FaultProxy(service.url)
    try:
        async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=60) as client:
            players = [
                Player(client.character((await client.create_character()).char_id)) for _ in range(PLAYERS)
            ]
            async with client.stream() as stream:
                ways = [player.stream(stream) for player in players[::2]]
                ways += [player.call() for player in players[1::4]]
                ways += [player.bulk(client) for player in players[3::4]]
                playing = list(map(asyncio.create_task, ways))
                for number, blow in enumerate((signal.SIGTERM, signal.SIGKILL), 1):
                    await until_earned(players, playing, COINS)
                    await asyncio.to_thread(service.stop, blow)
                    service = await asyncio.to_thread(Serving, tmp_path / f"log {number}", env=env)
                    proxy.lead_to(service.url)
                await until_earned(players, playing, COINS)
                for player in players:
                    player.tired = True
                await asyncio.gather(*playing)
                assert stream.connections >= 3
            for player in players:
                # One coin a call, and a call for each coin, in the order in which they were asked for.
                assert [reply.seq for reply in player.replies] == list(range(1, len(player.replies) + 1))
                assert await coins_of(player.hero) == len(player.replies)
        assert await asyncio.to_thread(service.stop) == 0
    finally:
        proxy.close()
        if service.process.poll() is None:
            service.kill()
    assert await violations(servers.redis.url, database_url, ruleset) == []
