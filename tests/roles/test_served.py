"""Whole processes with the least rights: from an empty database to play, and what operators do."""

import asyncio
import shutil
from pathlib import Path

import pytest
import redis

from persistence.ledger.weeks import add_week
from persistence.postgres.database import Database
from persistence.protocol.housekeeping import Housekeeper
from persistence.recover import StillServed, recover
from persistence.service import ServiceSettings
from tests.e2e.playing import haversack
from tests.e2e.test_tour import assert_shows, run_block, shell, tour
from tests.parity.world import CHAR_ID
from tests.roles.rights import Restricted, denials, restricted
from tests.servers import Servers, need
from tests.service.conftest import Site
from tests.service.play import do, grant
from tests.serving import TOKEN, Serving


@pytest.mark.parametrize("each_servers", ["debian"], indirect=True)
async def test_the_tour(each_servers: Servers, tmp_path: Path) -> None:
    """What the tour shows, on servers that were set up by `haversack roles` and `haversack migrate`."""
    if shutil.which("curl") is None:
        need("curl")
    with redis.Redis.from_url(each_servers.redis.url) as admin:
        rights = await restricted(each_servers, admin, migrated=False)
        said = haversack({"HAVERSACK_DATABASE_URL": rights.owner}, "migrate")
        assert "granted the roles what they need" in said
        await asyncio.to_thread(play_the_tour, rights, tmp_path)
        assert denials(admin) == []
    log = (tmp_path / "log").read_text()
    assert "WARNING" not in log and "ERROR" not in log and "Traceback" not in log, log
    # Who looks needs no more than to look; who asks Redis for everything is an operator.
    looking = {"HAVERSACK_DATABASE_URL": rights.support, "HAVERSACK_REDIS_URL": rights.operator}
    assert "All invariants hold." in haversack(looking, "audit")
    assert "No character is quarantined" in haversack(looking, "character", "quarantined")
    assert "iron_sword" in haversack(looking, "character", "history", "0a1b2c3d-4e5f-4a6b-8c7d-000000000001")


def play_the_tour(rights: Restricted, tmp_path: Path) -> None:
    server: Serving | None = None
    last = ""
    try:
        with shell() as bash:
            for language, text in tour():
                if text.strip() == "make run":
                    if server is not None:
                        assert server.stop() == 0
                    server = Serving(tmp_path / "log", "--demo", env=rights.env)
                    bash.run(f"URL={server.url} TOKEN={TOKEN}")
                elif language == "sh":
                    last = run_block(bash, text)
                else:
                    assert_shows(text, last)
    finally:
        if server is not None and server.process.poll() is None:
            assert server.stop() == 0


async def test_housekeeping(each_site: Site) -> None:
    """Weeks ahead are added, old operation ids forgotten; old weeks stay, and it is told why."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"), op_id="x", durable=True)
        assert await Housekeeper(gateway.store.database, 0).round()
        assert await add_week(gateway.store.database, 30)


async def test_a_restored_backup_is_recovered_from(
    each_rights: Restricted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With who serves' rights in PostgreSQL; those who are still connected are seen, whoever they are."""
    monkeypatch.setattr("persistence.recover._LOOK_S", 0.0)
    settings = ServiceSettings(each_rights.operator, each_rights.service)
    other = await Database.connect(each_rights.support, pool_size=1)
    with pytest.raises(StillServed):
        await recover(settings, lambda _: None)
    await other.close()
    monkeypatch.undo()
    await recover(settings, lambda _: None)


async def test_what_metrics_look_up(each_site: Site) -> None:
    """Nothing of it is kept from who serves."""
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"), durable=True)
        assert gateway.survey is not None
        found = await gateway.survey.take()
        assert found.redis and found.postgresql
        assert found.backlog is not None and found.backlog.sessions == 1
        assert found.memory is not None and found.memory.used > 0
        assert found.aside is not None and found.aside.quarantined == found.aside.outbox_refused == 0
