"""What is well is said to be well, and what an operator should know of is told beside it."""

import asyncio
import random
from importlib.resources import files

import asyncpg
import pytest
import redis

from engine.ruleset import Ruleset, parse_ruleset
from gateway.command_line.audit import _lines
from persistence.audit import Options, audit
from persistence.errors import PersistenceError
from persistence.postgres.store import InventoryStore
from persistence.service import ServiceSettings, open_service
from tests.audit.conftest import CLEAN, DIRTY, EVICTED, Stored, create
from tests.audit.plants import session_behind
from tests.audit.playing import play_randomly
from tests.servers import Servers
from tests.service.conftest import new_site


@pytest.mark.parametrize("shards", [1, 3])
async def test_after_play_by_several_gateways(each_servers: Servers, ruleset: Ruleset, shards: int) -> None:
    """Under whatever prefix and number of shards; the batches are small, so that there are several."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        site = await new_site(each_servers, ruleset, client)
    settings = ServiceSettings(
        site.settings.redis_url,
        site.settings.database_url,
        flush_interval_ms=20,
        shards=shards,
        key_prefix="realm:",
    )
    characters = [f"0f0e0d0c-0b0a-4908-8706-0504030201{n:02x}" for n in range(1, 13)]
    await create(site, *characters)
    async with open_service(settings, ruleset) as one, open_service(settings, ruleset) as other:
        players = [
            play_randomly(gateway, char_id, random.Random(char_id), calls=40)
            for char_id in characters
            for gateway in (one, other)
        ]
        await asyncio.gather(*players)
    report = await audit(settings, ruleset, Options(characters=5, fields=300, rows=7))
    assert report.clean and not report.notes, [*report.violations, *report.notes]
    assert report.sums["characters"] == 13
    assert 0 < report.sums["sessions"] <= 12
    assert report.sums["entries"] == await _entries(settings.database_url) > 40


async def test_a_sample_is_a_part(stored: Stored) -> None:
    report = await stored.audit(Options(sample=2))
    assert report.clean and report.sums["characters"] == 2
    assert (await stored.audit(Options(sample=50))).sums["characters"] == 4


async def test_progress_ends_at_the_whole(stored: Stored) -> None:
    told: list[tuple[int, int]] = []
    options = Options(characters=3)
    await audit(
        stored.site.settings, stored.site.ruleset, options, lambda done, total: told.append((done, total))
    )
    assert told == [(3, 4), (4, 4)]


async def test_an_audit_writes_nothing(stored: Stored) -> None:
    def everything() -> dict[bytes, bytes]:
        return {key: stored.client.dump(key) for key in stored.client.keys("*")}

    before = everything()
    assert (await stored.audit()).clean
    assert everything() == before


async def test_a_quarantined_character_is_noted(stored: Stored) -> None:
    """What is wrong with its session is known already: nobody can play it."""
    await _quarantine(stored, DIRTY)
    stored.client.hset(stored.keys(DIRTY).session, "status", '"QUARANTINED"')
    stored.client.zrem(stored.keys(DIRTY).due, DIRTY)
    stored.client.lpop(stored.keys(DIRTY).journal)
    report = await stored.audit()
    assert report.clean, report.violations
    assert [(note.kind, note.char_id) for note in report.notes] == [("quarantined", DIRTY)] * 2


async def test_incidents_are_noted(stored: Stored) -> None:
    stored.client.rpush(stored.keys(CLEAN).incident, "{}")
    await stored.database.execute(
        "INSERT INTO incidents (char_id, reason, entries) VALUES ($1, 'x', '[]')", EVICTED
    )
    report = await stored.audit()
    assert report.clean
    assert [(note.kind, note.char_id) for note in report.notes] == [
        ("incident", CLEAN),
        ("incident", EVICTED),
    ]


async def test_an_old_state_that_came_back_is_noted_until_it_is_loaded(stored: Stored) -> None:
    """Behind PostgreSQL, but of another node: nobody plays it before a load has replaced it."""
    await session_behind(stored)
    stored.client.hset(stored.keys(CLEAN).session, "gen", '"elsewhere:0"')
    report = await stored.audit()
    assert report.clean, report.violations
    assert [(note.kind, note.char_id) for note in report.notes] == [("behind", CLEAN)]


async def test_totals_of_another_ruleset_are_not_recounted(stored: Stored) -> None:
    other = parse_ruleset(_renamed(stored.site.ruleset.name))
    report = await audit(stored.site.settings, other)
    assert report.clean, report.violations
    assert [note.kind for note in report.notes] == ["other ruleset"] * 2
    *_, last = _lines(report)
    assert last.startswith("No violation was found; not recounted under another ruleset: 2 sessions (")


async def test_keys_of_another_number_of_shards_would_not_be_found(stored: Stored) -> None:
    stored.client.set("inventory:shards", 8)
    with pytest.raises(PersistenceError, match="8 shards"):
        await stored.audit()


async def _quarantine(stored: Stored, char_id: str) -> None:
    store = await InventoryStore.connect(stored.site.settings.database_url, stored.site.ruleset, pool_size=1)
    await store.quarantine(char_id, "a reason")
    await store.close()


async def _entries(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM journal")
        return count
    finally:
        await connection.close()


def _renamed(name: str) -> str:
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    return text.replace(f'"{name}"', f'"{name}_next"', 1)
