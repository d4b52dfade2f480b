"""A deployment rolls on under load: the new version beside the old one, then alone. docs/upgrading.md"""

import asyncio
from pathlib import Path

import aiohttp
import asyncpg
import redis

from engine.ruleset import load_ruleset
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import Serving
from tests.upgrade.balancer import Backend, Balancer
from tests.upgrade.load import CALLERS_EACH, CHARACTERS, HEADERS, Caller, Told
from tests.upgrade.versions import next_code, ruleset

ANSWERS = 20
REFUSED = "SLOT_OUT_OF_RANGE"


async def test_other_code_and_other_rules_side_by_side(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    """No call fails, each is judged by the rules of the version that got it, none is lost or doubled."""
    urls = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}

    def start(version: str, program: tuple[str, ...] | None) -> Serving:
        env = urls | {"HAVERSACK_RULESET": ruleset(version, tmp_path)}
        return Serving(tmp_path / version, "--demo", env=env, program=program)

    with redis.Redis.from_url(servers.redis.url) as client:
        client.function_flush()
    told, stop = Told(), asyncio.Event()
    old = await asyncio.to_thread(start, "old", None)
    new: Serving | None = None
    try:
        async with Balancer() as balancer:
            first = Backend("old", old.url)
            balancer.backends.append(first)
            await create(balancer.url)
            callers = [
                Caller(balancer, told, char_id, seed)
                for seed, char_id in enumerate(CHARACTERS * CALLERS_EACH)
            ]
            async with asyncio.TaskGroup() as tasks:
                for caller in callers:
                    tasks.create_task(caller.play(stop))
                await told.more("old", ANSWERS)
                new = await asyncio.to_thread(start, "new", next_code(tmp_path))
                balancer.backends.append(Backend("new", new.url))
                await told.more("new", 3 * ANSWERS)
                await told.more("old", 3 * ANSWERS)
                # What is drawn by lot has been drawn.
                await told.until(lambda: told.far["old", REFUSED] and told.far["new", "moved"])
                await told.until(lambda: told.replayed_elsewhere)
                await balancer.take_out(first)
                assert await asyncio.to_thread(old.stop) == 0
                await told.more("new", ANSWERS)
                stop.set()
        assert await asyncio.to_thread(new.stop) == 0
    finally:
        for service in filter(None, (old, new)):
            if service.process.poll() is None:
                service.kill()
    assert libraries(servers) == 2
    await check(told, database_url)
    assert (
        await violations(servers.redis.url, database_url, load_ruleset(Path(ruleset("new", tmp_path)))) == []
    )
    for version in ("old", "new"):
        log = (tmp_path / version).read_text()
        assert "Traceback" not in log and "ERROR" not in log, log


async def create(url: str) -> None:
    async with aiohttp.ClientSession(url, headers=HEADERS) as http:
        for char_id in CHARACTERS:
            async with http.post("/v1/characters", json={"char_id": char_id}) as reply:
                assert reply.status == 201, await reply.text()


def libraries(servers: Servers) -> int:
    with redis.Redis.from_url(servers.redis.url) as client:
        return len(client.function_list("haversack_*"))


async def check(told: Told, database_url: str) -> None:
    """Everything that was told is in the ledger under its seq, and nothing else is."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT char_id::text, seq, request_id FROM journal WHERE char_id = ANY ($1::uuid[])", CHARACTERS
    )
    await connection.close()
    ledger = {(row["char_id"], row["seq"]): row["request_id"] for row in rows}
    assert ledger == told.calls
    assert len(set(ledger.values())) == len(ledger), "a call was applied twice"
