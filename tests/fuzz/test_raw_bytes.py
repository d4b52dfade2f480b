"""A short run of what `make fuzz` does for minutes."""

from itertools import count
from pathlib import Path

from tests.fuzz.raw import FRAMES, HALF, RIGHT, SETTINGS, RawFuzz
from tests.fuzz.rubbish import KINDS
from tests.servers import Servers
from tests.serving import TOKEN, serving

CONNECTIONS = 600


async def test_the_process_lives_and_serves(servers: Servers, database_url: str, tmp_path: Path) -> None:
    urls = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    numbers = count()
    with serving(tmp_path / "log", "--demo", env=urls | SETTINGS) as process:
        fuzz = RawFuzz(process, TOKEN, seed=6)
        await fuzz.run(lambda: next(numbers) < CONNECTIONS)
    assert fuzz.tally.sent.total() == CONNECTIONS
    assert set(fuzz.tally.sent) == {*KINDS, FRAMES, HALF, RIGHT}
    assert fuzz.tally.served >= 4
    # Rubbish is answered as such.
    assert {"101", "200", "400", "408"} <= set(fuzz.tally.answers), fuzz.tally
