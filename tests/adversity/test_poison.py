"""A row that PostgreSQL refuses, among five hundred characters: it is named, and the others are written."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from persistence.errors import CharacterQuarantined
from persistence.postgres.store import InventoryStore
from tests.adversity.site import Site, char_ids, play, until
from tests.service.play import grant

COUNT = 500
POISONED = char_ids(COUNT)[371]
# Not of the schema: what refuses may be anything, such as a constraint that an operator has added.
POISON = f"""
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this hand trembles';
END
$$;
CREATE TRIGGER poison BEFORE INSERT ON items
    FOR EACH ROW WHEN (NEW.owner = '{POISONED}') EXECUTE FUNCTION refuse();
"""


async def test_one_poisoned_character_among_five_hundred(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.populate(COUNT)
    connection = await asyncpg.connect(site.database_url)
    await connection.execute(POISON)
    async with site.gateway(flushing=False, redis_url=site.valkey.url) as gateway:
        limit = asyncio.Semaphore(16)

        async def begin(char_id: str) -> None:
            async with limit:
                await play(gateway, grant("dagger"), char_id=char_id)

        await asyncio.gather(*map(begin, char_ids(COUNT)))
        transactions: list[int] = []
        real = InventoryStore.flush

        async def counted(self: InventoryStore, batch: Any) -> Any:
            transactions.append(len(batch))
            return await real(self, batch)

        monkeypatch.setattr(InventoryStore, "flush", counted)
        started = time.monotonic()
        flushed = await gateway._flusher._writes.flush(char_ids(COUNT))
        took_s = time.monotonic() - started
        assert list(flushed.failures) == [POISONED]
        assert isinstance(flushed.failures[POISONED], CharacterQuarantined)
        assert await connection.fetchval("SELECT count(*) FROM items") == COUNT - 1
        assert transactions[0] == COUNT
        assert len(transactions) <= 20, "by halves, and not one by one"
        assert took_s < 5, "a fifth of a second where nothing else runs"
        with pytest.raises(CharacterQuarantined):
            await gateway.load_session(POISONED)
    reason = await connection.fetchval("SELECT quarantined FROM characters WHERE char_id = $1", POISONED)
    assert "this hand trembles" in reason
    assert POISONED in caplog.text and "this hand trembles" in caplog.text
    await connection.execute("DROP TRIGGER poison ON items")
    async with site.gateway() as gateway:
        await gateway.store.release(POISONED)
        await play(gateway, grant("dagger"), char_id=POISONED, durable=True)

        async def written() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM items") == COUNT + 1)

        await until(written, "what was set aside is written after all")
    await connection.close()
    await site.audit()
