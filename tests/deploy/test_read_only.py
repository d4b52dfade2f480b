"""With URLs for both servers, a process writes no file and makes none: its root may be read-only."""

import sys
from pathlib import Path

import aiohttp
import pytest

from tests.servers import Servers
from tests.serving import TOKEN, Serving

# Said by Python before it does what changes a file or a folder; only the null device may be written to.
WATCHED = """
import os, sys
CHANGING = {
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
    "os.truncate", "os.utime", "shutil.rmtree", "tempfile.mkdtemp", "tempfile.mkstemp",
}
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if not writes or path == os.devnull or isinstance(path, int):
            return
    elif event not in CHANGING:
        return
    os.write(2, f"WROTE {event} {arguments}\\n".encode())
    raise PermissionError(30, "the file system is read-only", str(arguments[0]))
sys.addaudithook(watch)
os.chdir("/")
os.environ.pop("HOME", None)
sys.dont_write_bytecode = True
from gateway.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("workers", [1, 2])
async def test_it_writes_nowhere(servers: Servers, database_url: str, tmp_path: Path, workers: int) -> None:
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "HAVERSACK_WORKERS": str(workers),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = tmp_path / "log"
    service = Serving(log, "--demo", env=env, program=(sys.executable, "-c", WATCHED))
    try:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(service.url, headers=headers) as http:
            async with http.post("/v1/characters", json={}) as reply:
                url = f"/v1/characters/{(await reply.json())['char_id']}/inventory/grant"
            async with http.post(url, json={"template_id": "gold_coin", "quantity": 1}) as reply:
                assert reply.status == 200, await reply.text()
            # Longer than what is kept in memory of a body.
            async with http.post(url, data=b" " * (3 << 20)) as reply:
                assert reply.status in (400, 413, 415)
            for path in ("/readyz", "/metrics"):
                async with http.get(path) as reply:
                    await reply.read()
        assert service.stop() == 0
    finally:
        if service.process.poll() is None:
            service.kill()
    assert "WROTE" not in log.read_text(), log.read_text()
