"""The schema goes first: the version that serves plays on while the next one's migrations are applied."""

import pytest

from engine.ruleset import Ruleset
from persistence.errors import MigrationError
from persistence.postgres.migrations import Migration, migrate, shipped
from tests.adversity.site import play
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.conftest import site as site
from tests.service.play import grant

NEXT = len(shipped()) + 1
# What a migration may do while the version before serves: add what has a default, or may be empty.
EXPANDING = [
    Migration(
        NEXT,
        f"{NEXT:04}_expand",
        "ALTER TABLE characters ADD COLUMN guild uuid;"
        " ALTER TABLE items ADD COLUMN worth bigint NOT NULL DEFAULT 0;"
        " ALTER TABLE journal ADD COLUMN realm text NOT NULL DEFAULT '';"
        " CREATE INDEX items_worth ON items (worth)",
    ),
    Migration(NEXT + 1, f"{NEXT + 1:04}_more", "CREATE TABLE guilds (guild uuid PRIMARY KEY)"),
]


async def test_it_serves_on_a_newer_schema(site: Site, ruleset: Ruleset) -> None:
    """One that is running, with its prepared statements, and one that is started afterwards."""
    async with site.gateway() as gateway:
        await play(gateway, grant("gold"), char_id=CHAR_ID, durable=True)
        await migrate(site.settings.database_url, [*shipped(), *EXPANDING])
        assert (await play(gateway, grant("dagger"), char_id=CHAR_ID, durable=True))["durable_seq"] == 2
        await gateway.save_session(CHAR_ID, evict=True)
        await play(gateway, grant("gold"), char_id=CHAR_ID, durable=True)
        assert (await gateway.readiness())["migrations"] == "ok"
    async with site.gateway() as gateway:
        assert (await play(gateway, grant("gold"), char_id=CHAR_ID, durable=True))["durable_seq"] == 4
        # To migrate with the older version, as after a step back, does nothing.
        assert await migrate(site.settings.database_url) == []
    await site.audit()


async def test_what_was_passed_over_is_refused(site: Site) -> None:
    """Two branches of the program, each with a migration of its own."""
    await migrate(site.settings.database_url, [*shipped(), *EXPANDING])
    other = Migration(NEXT, f"{NEXT:04}_other", "SELECT 1")
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        await migrate(site.settings.database_url, [*shipped(), other])
