"""A served process with the demo, and clients of it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from haversack_client import CharacterHandle, Haversack
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving


@pytest.fixture(scope="session")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for all tests of a worker; its Valkey is its own, so nobody empties it in between."""
    home = Path(tempfile.mkdtemp(prefix="hv-client-"))
    home.chmod(0o755)
    log = tmp_path_factory.mktemp("service") / "log"
    env = {"HAVERSACK_DATABASE_URL": asyncio.run(servers.fresh_database(lasting=True))}
    try:
        with serving(log, "--demo", "--data-dir", str(home / "data"), env=env) as process:
            yield process
            assert process.stop() == 0
    finally:
        shutil.rmtree(home)
    assert "Traceback" not in log.read_text()


@pytest.fixture
async def client(service: Serving) -> AsyncIterator[Haversack]:
    async with Haversack(service.url, TOKEN) as client:
        yield client


@pytest.fixture
async def hero(client: Haversack) -> CharacterHandle:
    """A character of level 3 with nothing."""
    created = await client.create_character(
        name="Wanderer", level=3, class_="warrior", attributes={"strength": 14}
    )
    return client.character(created.char_id)
