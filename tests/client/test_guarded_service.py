"""A service behind TLS, with tokens that may do this and not that, are rotated, and have a rate."""

import asyncio
import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from haversack_client import (
    AccessDenied,
    Change,
    CharacterHandle,
    Haversack,
    NotReached,
    RateLimited,
    Reply,
    Reset,
    Unauthenticated,
    request,
)
from tests.client.coins import COIN, coins_of
from tests.gateway.tokens import entry, write
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving

GAME, NEW_GAME, READER, SLOW = "the game's", "the game's from tomorrow", "a reader's", "a slow one's"
# What a change of the tokens takes to be noticed.
WITHIN_S = 20.0


class Guarded:
    """The service, and the files that it is guarded by."""

    def __init__(self, home: Path) -> None:
        self.tokens = home / "tokens.toml"
        self.cert, self.key = home / "cert.pem", home / "key.pem"
        authority = trustme.CA()
        self.tls = ssl.create_default_context()
        authority.configure_trust(self.tls)
        issued = authority.issue_cert("127.0.0.1")
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        self.let_in(GAME)

    def let_in(self, game: str) -> None:
        """This token of the game's, and no other."""
        write(
            self.tokens,
            entry("game", game, "read", "play", "grant"),
            entry("reader", READER, "read", "play"),
            entry("slow", SLOW, "read", "play", "grant", more='rate = "20/s burst 10"'),
        )

    def env(self, servers: Servers, database_url: str) -> dict[str, str]:
        return {
            "HAVERSACK_REDIS_URL": servers.redis.url,
            "HAVERSACK_DATABASE_URL": database_url,
            "HAVERSACK_TOKENS": str(self.tokens),
            "HAVERSACK_TLS_CERT": str(self.cert),
            "HAVERSACK_TLS_KEY": str(self.key),
        }


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path)


@pytest.fixture
def service(guarded: Guarded, servers: Servers, database_url: str, tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path / "log", "--demo", env=guarded.env(servers, database_url)) as process:
        yield process


async def test_what_guards_a_service(guarded: Guarded, service: Serving) -> None:
    async with Haversack(service.url, TOKEN, tls=guarded.tls, timeout_s=10) as client:
        hero = client.character((await client.create_character()).char_id)
        await hero.grant("gold_coin", 1)
    # Nobody whom this machine does not trust is sent a token, and it is no use to try again.
    async with Haversack(service.url, TOKEN) as trusting:
        with pytest.raises(NotReached, match="no secure connection") as not_reached:
            await trusting.character(hero.char_id).grant("gold_coin", 1)
        assert not not_reached.value.transient
    await what_a_token_may(guarded, service, hero.char_id)
    await what_a_rate_does(guarded, service, hero.char_id)
    await a_rotation(guarded, service, hero.char_id)


async def what_a_token_may(guarded: Guarded, service: Serving, char_id: str) -> None:
    async with Haversack(service.url, READER, tls=guarded.tls) as client:
        hero = client.character(char_id)
        assert await coins_of(hero) == 1
        with pytest.raises(AccessDenied) as denied:
            await hero.grant("gold_coin", 1)
        assert denied.value.params["scope"] == "grant"
        with pytest.raises(AccessDenied):
            await hero.change(level=2)
        (result,) = await client.execute_many([request(char_id, COIN)])
        assert isinstance(result, AccessDenied)
        async with client.stream() as stream:
            with pytest.raises(AccessDenied):
                await stream.execute(char_id, [COIN])
        with pytest.raises(AccessDenied):
            await client.create_character()


async def what_a_rate_does(guarded: Guarded, service: Serving, char_id: str) -> None:
    """What is beyond it is repeated when the service says, or is raised where there is no time for that."""
    async with Haversack(service.url, SLOW, tls=guarded.tls) as client:
        hero = client.character(char_id)
        grants = (hero.grant("gold_coin", 1, timeout_s=0.5) for _ in range(30))
        limited = [
            result
            for result in await asyncio.gather(*grants, return_exceptions=True)
            if isinstance(result, RateLimited)
        ]
        assert limited and limited[0].retry_after_s >= 1
        before = await coins_of(hero)
        results = await client.execute_many([request(char_id, COIN)] * 12)
        assert [type(result) for result in results] == [Reply] * 12
        assert await coins_of(hero) == before + 12


async def a_rotation(guarded: Guarded, service: Serving, char_id: str) -> None:
    """A stream and a follower go on with the new token where the old one is not good any more."""
    tokens = [GAME]
    async with Haversack(service.url, lambda: tokens[-1], tls=guarded.tls) as client:
        hero = client.character(char_id)
        events = hero.events()
        assert isinstance(await anext(events), Reset)
        async with client.stream() as stream:
            await stream.execute(char_id, [COIN])
            tokens.append(NEW_GAME)
            guarded.let_in(NEW_GAME)
            service.process.send_signal(signal.SIGHUP)
            before = await coins_once_let_in(hero)
            async with asyncio.timeout(WITHIN_S):
                sent = 0
                while stream.connections == 1:
                    await stream.execute(char_id, [COIN])
                    sent += 1
            assert await coins_of(hero) == before + sent
        async with asyncio.timeout(WITHIN_S):
            seqs = []
            while not seqs or seqs[-1] < (await hero.inventory()).seq:
                change = await anext(events)
                assert isinstance(change, Change)
                seqs.append(change.seq)
        assert seqs == list(range(seqs[0], seqs[-1] + 1))
        await events.aclose()
    async with Haversack(service.url, GAME, tls=guarded.tls) as late:
        with pytest.raises(Unauthenticated):
            await late.catalog()


async def coins_once_let_in(hero: CharacterHandle) -> int:
    """As soon as the new token is let in."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(Unauthenticated):
                return await coins_of(hero)
