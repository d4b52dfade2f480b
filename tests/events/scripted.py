"""A feed by hand, behind a gateway on a real socket: tests here are of streams, not of inventories."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from persistence.events.follower import Follower
from persistence.events.judging import Step
from persistence.events.position import Event, Position
from tests.gateway.standin import ABSENT_ID, BASE, HEADERS, GatewayTestServer, StandIn, server
from tests.gateway.tokens import SECRET

PATH = f"{BASE}/inventory/events"


class ScriptedFeed:
    """``followers`` are those that were made, oldest first; ``waiting`` those who wait to be told."""

    def __init__(self) -> None:
        self.followers: list[Follower] = []
        self.waiting: set[Follower] = set()

    async def known(self, char_id: str) -> bool:
        return char_id != ABSENT_ID

    def follow(self, char_id: str, position: Position | None) -> Follower:
        follower = Follower(char_id, position, self.waiting.add, self.waiting.discard)
        self.followers.append(follower)
        return follower

    async def tell(self, *events: Event) -> None:
        """Tell all, when all wait."""
        while not self.followers or not all(follower.waits for follower in self.followers):
            await asyncio.sleep(0.001)
        for follower in self.waiting:
            follower.take(Step(events, events[-1].position))


class FollowedStandIn(StandIn):
    """A stand-in with a feed."""

    def __init__(self) -> None:
        super().__init__()
        self.events = ScriptedFeed()


@asynccontextmanager
async def serving(standin: FollowedStandIn) -> AsyncIterator[tuple[GatewayTestServer, aiohttp.ClientSession]]:
    """A gateway before the stand-in, which lets characters in, and a client with the service's token."""
    gateway = server(standin, player_key=SECRET)
    await gateway.start_server()
    try:
        async with aiohttp.ClientSession(gateway.make_url("/"), headers=HEADERS) as http:
            yield gateway, http
    finally:
        await gateway.close()


def event(seq: int, text: str = "{}") -> Event:
    return Event("change", Position(0, seq, str(10**18 + seq)), text.encode())
