"""A week of the ledger is trimmed while a character of it is being erased: both come to their end."""

import logging

import pytest

from engine.ruleset import Ruleset
from persistence.desk.erasure import Eraser
from persistence.desk.rewrite import Origin
from persistence.ledger.retention import trim
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.protocol.housekeeping import Housekeeper
from persistence.service import open_service
from tests.ledger.history import lived
from tests.service.conftest import Site

OPERATOR = Origin("operator tess")
KEEP_DAYS = 14


async def fetch(store: InventoryStore, statement: str) -> list[tuple[object, ...]]:
    async with store.database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(statement)]


async def test_a_trim_between_two_steps_of_an_erasure(site: Site, ruleset: Ruleset) -> None:
    async with open_service(site.settings, ruleset, flushing=False) as gateway:
        store, eraser = gateway.store, gateway.desk().eraser
        await fetch(
            store, "SELECT journal_add_week(now() - n * interval '7 days') FROM generate_series(0, 8) n"
        )
        past = await lived(store, 40, 39, 38.5, 1)
        other = await lived(store, 40, 39, 1, seed=2)
        baselines = f"SELECT seq, items FROM baselines WHERE char_id <> '{other.char_id}' ORDER BY seq"
        # Baselines are written, and the week stays: the outbox has not delivered it.
        await fetch(store, "INSERT INTO outbox_begun DEFAULT VALUES")
        assert (await trim(store.database, KEEP_DAYS)).kept
        before = await fetch(store, baselines)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Eraser, "_forget", _only_the_ledger)
            await eraser.erase(past.char_id, OPERATOR)
        assert (await trim(store.database, KEEP_DAYS)).kept
        assert len(await fetch(store, baselines)) == 2 * len(before)
        await eraser.erase(past.char_id, OPERATOR)
        assert await fetch(store, baselines) == before
        assert await fetch(store, f"SELECT FROM baselines WHERE char_id = '{past.char_id}'") == []
        assert await fetch(store, "SELECT alias, done_at IS NOT NULL FROM erasures") == [(None, True)]
        await fetch(store, "DELETE FROM outbox_begun")
        assert (await trim(store.database, KEEP_DAYS)).dropped
    await site.audit()


async def _only_the_ledger(eraser: Eraser, char_id: str) -> None:
    """As far as a process comes that dies then."""
    async with eraser._database.single() as connection:
        await connection.fetchval(query("forget_ledger"), char_id, 5_000)


async def test_what_fails_at_one_step_keeps_no_other_from_its_end(
    site: Site, ruleset: Ruleset, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ValueError("a fault of this program")

    done = []

    async def do() -> None:
        done.append(True)

    async with open_service(site.settings, ruleset, flushing=False) as gateway:
        with caplog.at_level(logging.CRITICAL):
            await Housekeeper(gateway.store.database, KEEP_DAYS, also=[fail, do]).round()
    assert done
