"""A backup of PostgreSQL, a disaster, a restore: what is lost is what came after. docs/backup.md"""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import redis

from engine.ruleset import Ruleset
from gateway import cli
from persistence.orchestrator import InventoryOrchestrator
from persistence.recover import StillServed, recover, standing
from tests.adversity.site import char_ids, play
from tests.parity.world import ACTOR
from tests.servers import Servers, postgres_bin_dir
from tests.service.conftest import Site, new_site
from tests.service.play import grant

PLAYED, LATER = char_ids(3), "adadadad-0000-4000-8000-0000000000ff"


@pytest.fixture
def origin(each_servers: Servers, request: pytest.FixtureRequest) -> str:
    """Whose servers these are; their own programs make and read the dump."""
    return str(request.node.callspec.params["each_servers"])


def run(origin: str, program: str, *arguments: str) -> None:
    subprocess.run([postgres_bin_dir(origin) / program, *arguments], check=True, capture_output=True)


async def seqs(url: str) -> dict[str, int]:
    """How far PostgreSQL has each character."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT char_id::text, seq FROM characters")
    await connection.close()
    return {row["char_id"]: row["seq"] for row in rows}


async def content(gateway: InventoryOrchestrator, char_id: str) -> tuple[str, dict[str, int]]:
    """A session's tag, and how much it has of each template."""
    await gateway.load_session(char_id)
    live = await gateway.read_session(char_id)
    held: dict[str, int] = {}
    for item in live.session.items.values():
        held[item.template_id] = held.get(item.template_id, 0) + item.quantity
    return live.tag, held


async def golds(gateway: InventoryOrchestrator, char_id: str, times: int, **call: Any) -> list[str]:
    """Grant a coin so many times; the tags that were told."""
    return [(await play(gateway, grant("gold"), char_id=char_id, **call))["tag"] for _ in range(times)]


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who is connected here is about to go."""
    monkeypatch.setattr("persistence.recover._LOOKS", 1)


@pytest.mark.parametrize(
    ("each_servers", "redis_is"), [("embedded", "lost"), ("debian", "alive")], indirect=["each_servers"]
)
async def test_restored(
    each_servers: Servers, origin: str, ruleset: Ruleset, tmp_path: Path, redis_is: str
) -> None:
    with redis.Redis.from_url(each_servers.redis.url) as client:
        site = await new_site(each_servers, ruleset, client)
        dump = str(tmp_path / "dump")
        told: set[str] = set()
        async with site.gateway() as gateway:
            for char_id in PLAYED:
                await gateway.create_character(char_id, "A", ACTOR)
                told.update(await golds(gateway, char_id, 3))
                await play(gateway, grant("dagger"), char_id=char_id, op_id="before", durable=True)
            run(origin, "pg_dump", "--format=custom", "--file", dump, site.settings.database_url)
            # Play goes on: further calls, another incarnation, an operation, a character.
            for char_id in PLAYED:
                told.update(await golds(gateway, char_id, 2))
                await gateway.save_session(char_id, evict=char_id == PLAYED[0])
                told.update(await golds(gateway, char_id, 2, durable=True))
                await play(gateway, grant("dagger"), char_id=char_id, op_id="after")
            await gateway.create_character(LATER, "A", ACTOR)
            told.update(await golds(gateway, LATER, 1))
        if redis_is == "lost":
            client.flushall()
        site.settings = await restored(each_servers, origin, dump, site)
        at_backup = await seqs(site.settings.database_url)
        assert LATER not in at_backup and {at_backup[char_id] for char_id in PLAYED} == {4}

        await refused_while_served(site)
        before = await standing(site.settings)
        assert (before.sessions > 0) == (redis_is == "alive") and before.characters == len(at_backup)
        await recover(site.settings, lambda _: None)
        assert client.keys("inventory:*") == [b"inventory:shards"]

        async with site.gateway() as gateway:
            for char_id in PLAYED:
                tag, held = await content(gateway, char_id)
                assert held == {"gold": 3, "dagger": 1}
                assert tag not in told
                # What the backup knows is not done again; what it does not know, is.
                again = await play(gateway, grant("dagger"), char_id=char_id, op_id="before")
                assert again["replayed"]
                anew = await play(gateway, grant("dagger"), char_id=char_id, op_id="after")
                assert not anew["replayed"]
                more = await golds(gateway, char_id, 5, durable=True)
                assert not told & {tag, anew["tag"], *more}
        await site.audit()


async def restored(pair: Servers, origin: str, dump: str, site: Site) -> Any:
    """The settings of the deployment with a new database that was made of the dump."""
    url = await pair.empty_database()
    run(origin, "pg_restore", "--exit-on-error", "--dbname", url, dump)
    return msgspec.structs.replace(site.settings, database_url=url)


async def refused_while_served(site: Site) -> None:
    """Who serves would flush what he has on rows that do not fit it."""
    connection = await asyncpg.connect(
        site.settings.database_url, server_settings={"application_name": "haversack"}
    )
    before = await seqs(site.settings.database_url)
    with pytest.raises(StillServed, match="1 connections of running gateways"):
        await recover(site.settings, lambda _: None)
    assert await connection.fetchval("SELECT max(epoch) FROM characters") < 100
    await connection.close()
    assert await seqs(site.settings.database_url) == before


async def test_the_command(
    servers: Servers, ruleset: Ruleset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows what it would do, and does it when it is told to; a neighbour's keys stay."""

    async def say(*arguments: str) -> tuple[int, str]:
        status = await asyncio.to_thread(cli.main, ["recover", *arguments])
        return status, capsys.readouterr().out

    with redis.Redis.from_url(servers.redis.url) as client:
        site = await new_site(servers, ruleset, client)
        monkeypatch.setenv("HAVERSACK_REDIS_URL", site.settings.redis_url)
        monkeypatch.setenv("HAVERSACK_DATABASE_URL", site.settings.database_url)
        async with site.gateway() as gateway:
            await gateway.create_character(PLAYED[0], "A", ACTOR)
            await golds(gateway, PLAYED[0], 1)
        neighbours = [b"inventory:eu:session:1", b"other:session:1"]
        client.mset(dict.fromkeys(neighbours, "theirs"))
        status, said = await say()
        assert status == 1 and "Nothing was done." in said
        assert "In PostgreSQL: 2 characters" in said and "In Redis: 1 session, to be deleted" in said
        assert client.exists(f"inventory:session:{PLAYED[0]}")
        status, said = await say("--yes")
        assert status == 0 and "The service may be started." in said
        assert sorted(client.keys("*")) == sorted([*neighbours, b"inventory:shards"])
        client.delete(*neighbours)
        async with site.gateway() as gateway:
            assert (await content(gateway, PLAYED[0]))[1] == {"gold": 1}
        await site.audit()
