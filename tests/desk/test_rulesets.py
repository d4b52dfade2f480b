"""Under which ruleset a character is played, so that no command judges it by another."""

import pytest

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.command_line.same_ruleset import check_ruleset
from gateway.configuration.settings import SettingsError
from persistence.desk.rulesets import LOOKED_AT
from persistence.orchestrator import InventoryOrchestrator
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site

OTHERS = [f"0f0e0d0c-0b0a-4908-8706-05040302{number:04x}" for number in range(LOOKED_AT + 1)]


async def known(gateway: InventoryOrchestrator) -> tuple[str, set[str]]:
    standing = await gateway.desk().standing(CHAR_ID)
    return standing.of, set(standing.hashes)


def under(site: Site, char_id: str, ruleset: str, *, due: int) -> None:
    site.client.hset(f"inventory:session:{char_id}", "ruleset", f'"{ruleset}"')
    site.client.zadd("inventory:due:", {char_id: due})


async def test_by_its_session_else_by_those_played_last_else_by_the_catalog(
    site: Site, ruleset: Ruleset
) -> None:
    async with site.gateway(flushing=False) as gateway:
        assert await known(gateway) == ("catalog", {ruleset.hash})
        under(site, OTHERS[0], "long-ago", due=0)
        assert await known(gateway) == ("sessions", {"long-ago"})
        for number, char_id in enumerate(OTHERS[1:], 1):
            under(site, char_id, ("one", "two")[number % 2], due=number)
        assert await known(gateway) == ("sessions", {"one", "two"})
        await gateway.load_session(CHAR_ID)
        assert await known(gateway) == ("session", {ruleset.hash})


async def test_another_is_refused_by_both_names(site: Site, ruleset: Ruleset) -> None:
    other = read_ruleset("tabletop")
    async with site.gateway(flushing=False) as gateway:
        await check_ruleset(gateway.desk(), CHAR_ID, "haversack", ruleset)
        words = rf"tabletop \({other.hash}\), but the catalog was imported under .*{ruleset.hash}"
        with pytest.raises(SettingsError, match=words):
            await check_ruleset(gateway.desk(), CHAR_ID, "tabletop", other)
        under(site, OTHERS[0], other.hash, due=1)
        await check_ruleset(gateway.desk(), CHAR_ID, "tabletop", other)


async def test_nothing_is_refused_where_nothing_is_known(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        async with gateway.store.database.transaction() as connection:
            await connection.execute("TRUNCATE catalogs CASCADE")
        await check_ruleset(gateway.desk(), CHAR_ID, "tabletop", read_ruleset("tabletop"))
