"""Primary, replica, primary, with real replication: who is promoted may lack what was answered last."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from persistence.embedded import ValkeyServer
from tests.adversity.fault_proxy import FaultProxy
from tests.adversity.players import Players
from tests.adversity.site import HERO, Site, char_ids, free_port, play, quantity, until, valkey
from tests.service.play import grant

SESSION = f"inventory:session:{HERO}"


def gen(server: ValkeyServer) -> tuple[str, str]:
    with redis.Redis.from_url(server.url) as client:
        return client.info("server")["run_id"], client.info("replication")["master_replid"]


class Pair:
    """The site's server and a second one; the first replicates to the second by way of a proxy."""

    def __init__(self, site: Site, second: ValkeyServer) -> None:
        self.site, self.first, self.second = site, site.valkey, second
        self.between = FaultProxy("tcp://127.0.0.1:1")

    def replicate(self, source: ValkeyServer, target: ValkeyServer) -> None:
        """Make ``target`` a replica of ``source``; from then on it has what ``source`` has."""
        with redis.Redis.from_url(source.url) as client:
            port = client.config_get("port")["port"]
        self.between.lead_to(f"tcp://127.0.0.1:{port}")
        self.between.heal()
        with redis.Redis.from_url(target.url) as client:
            client.replicaof("127.0.0.1", str(self.between.port))

    async def in_step(self, target: ValkeyServer) -> None:
        with redis.Redis.from_url(target.url) as client:
            await until(lambda: client.info("replication").get("master_link_status") == "up", "replication")

    def promote(self, server: ValkeyServer) -> None:
        """It takes over: the line to the other is cut, and callers are led to it."""
        self.site.to_redis.refuse()
        with redis.Redis.from_url(server.url) as client:
            client.replicaof("NO", "ONE")
        self.site.lead_to(server)
        self.site.to_redis.accept()


@contextmanager
def pair(site: Site) -> Iterator[Pair]:
    settings = {"port": free_port(), "bind": "127.0.0.1", "repl-diskless-sync-delay": "0"}
    with valkey(**settings) as second:
        site.redis.config_set("repl-diskless-sync-delay", 0)
        site.redis.config_set("port", free_port())
        both = Pair(site, second)
        try:
            both.replicate(site.valkey, second)
            yield both
        finally:
            both.between.close()
            site.lead_to(both.first)


async def test_primary_replica_primary_with_lost_tails(site: Site) -> None:
    """Play goes on; what was flushed is kept, so is all that was replicated, and no tag is used again."""
    with pair(site) as both:
        async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
            await both.in_step(both.second)
            first_gen = gen(both.first)
            risks: list[tuple[float, float]] = []
            for source, target in ((both.first, both.second), (both.second, both.first)):
                await players.more(200)
                # What is answered from here on is answered by a node that nobody will hear of again.
                both.between.stall()
                alone = time.monotonic()
                await players.more(200)
                both.promote(target)
                risks.append((alone, time.monotonic()))
                await players.more(100)
                both.replicate(target, source)
                await both.in_step(source)
            assert gen(both.first) != first_gen and gen(both.first)[0] == first_gen[0]
            await players.more(100)
            await players.stop()
            await site.flushed()
            lost = await players.lost()
            for told in lost:
                assert any(alone <= told.ended and told.begun <= promoted for alone, promoted in risks), told
        await site.audit()


async def test_a_tail_that_was_flushed_is_not_lost(site: Site) -> None:
    """The promoted node is behind PostgreSQL: its sessions give way, and what they had is set aside."""
    with pair(site) as both:
        async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
            await both.in_step(both.second)
            await players.more(100)
            await site.flushed()
            both.between.stall()
            await players.more(200)
            await players.stop()
            await site.flushed()
            both.promote(both.second)
        async with site.gateway() as gateway:
            for char_id in char_ids(12):
                await gateway.load_session(char_id)
                told = [one for one in players.acknowledged.values() if one.char_id == char_id]
                reply = await play(gateway, grant("gold"), char_id=char_id, request_id=f"after {char_id}")
                assert reply["seq"] == max(one.seq for one in told) + 1
            assert await players.lost(gateway) == []
        await site.audit()


async def test_a_session_that_nobody_touched_in_between(site: Site) -> None:
    """It stands as it was opened, on a node with the same run_id again, and yet lacks what was answered."""
    with pair(site) as both:
        async with site.gateway() as gateway:
            await both.in_step(both.second)
            await play(gateway, grant("gold"), durable=True)
            with redis.Redis.from_url(both.second.url) as replica:
                await until(lambda: replica.hget(SESSION, "flushed_seq") == b"1", "the replica has it")
            both.between.stall()
            lost = await play(gateway, grant("gold", 10), durable=True)
            both.promote(both.second)
            both.replicate(both.second, both.first)
            await both.in_step(both.first)
            both.promote(both.first)
        async with site.gateway() as gateway:
            reply = await play(gateway, grant("gold", 100), durable=True)
            assert reply["seq"] == 3 and reply["tag"] != lost["tag"]
            assert await quantity(gateway, "gold") == 111
        await site.audit()
