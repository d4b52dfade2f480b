"""Every kind of URL leads through the same code: sockets, TLS, passwords, users, database numbers."""

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
import pytest
import redis
from redis.exceptions import ResponseError

from engine.ruleset import Ruleset
from persistence.embedded import ServerFailed, ValkeyServer
from persistence.errors import Unavailable
from persistence.link.redis_link import RedisLink
from persistence.service import open_service
from tests.adversity.site import free_port, valkey
from tests.parity.world import CHAR_ID
from tests.servers import Servers, need
from tests.service.conftest import new_site
from tests.service.play import do, grant

PASSWORD = "p@ss:w/ord ü"
SECRET = quote(PASSWORD, safe="")


@pytest.fixture(scope="module", params=["embedded", "debian"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[ValkeyServer, str]]:
    """With a TCP port beside its unix socket, and a user of its own."""
    port = free_port()
    with valkey(origin=request.param, appendonly="no", port=port) as server:
        with redis.Redis.from_url(server.url) as client:
            client.execute_command("ACL", "SETUSER", "alice", "on", f">{PASSWORD}", "~*", "+@all")
            client.execute_command("ACL", "SETUSER", "bob", "on", "nopass", "~mine:*", "+@all")
        yield server, port


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(url)
    try:
        yield link
    finally:
        await link.close()


async def test_a_database_number(server: tuple[ValkeyServer, str]) -> None:
    valkey, port = server
    urls = {f"{valkey.url}?db=3": 3, f"redis://127.0.0.1:{port}/5": 5, f"redis://localhost:{port}": 0}
    for url, number in urls.items():
        async with linked(url) as link:
            await link.call("SET", "where", number)
        with redis.Redis.from_url(valkey.url, db=number) as client:
            assert client.get("where") == b"%d" % number


async def test_a_user_and_a_password(server: tuple[ValkeyServer, str]) -> None:
    valkey, port = server
    for url in (
        f"redis://alice:{SECRET}@127.0.0.1:{port}/2",
        f"{valkey.url}?username=alice&password={SECRET}",
    ):
        async with linked(url) as link:
            assert await link.call("ACL", "WHOAMI") == b"alice"
            assert [await link.call("PING")] * 3 == await link.send([("PING",)] * 3)


async def test_what_a_user_may_not_do_is_an_error_and_no_unknown_outcome(
    server: tuple[ValkeyServer, str],
) -> None:
    async with linked(f"redis://bob:any@127.0.0.1:{server[1]}") as link:
        with pytest.raises(ResponseError, match=r"NOPERM|permissions"):
            await link.call("SET", "theirs", "1")
        assert await link.call("SET", "mine:1", "1") == b"OK"


async def test_a_refused_password_is_told_without_it(server: tuple[ValkeyServer, str]) -> None:
    async with linked(f"redis://alice:hunter2@127.0.0.1:{server[1]}") as link:
        with pytest.raises(Unavailable) as told:
            await link.call("PING")
        assert "hunter2" not in str(told.value)


def test_urls_that_lead_nowhere() -> None:
    for url in ("http://localhost", "localhost:6379", ""):
        with pytest.raises(ValueError):
            RedisLink(url)


@pytest.fixture(scope="module")
def secured() -> Iterator[tuple[ValkeyServer, str, Path]]:
    """A Redis with TLS and a password, its port, and the folder of its certificate."""
    if shutil.which("openssl") is None:
        need("the command openssl")
    folder = Path(tempfile.mkdtemp(prefix="hv-tls-"))
    port = free_port()
    try:
        for name in ("server", "stranger"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt",
                 "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                check=True, capture_output=True,
            )  # fmt: skip
        tls = {
            "tls-port": port, "tls-cert-file": str(folder / "server.crt"),
            "tls-key-file": str(folder / "server.key"), "tls-auth-clients": "no",
        }  # fmt: skip
        try:
            # The Valkey of the wheel is built without TLS.
            with valkey(origin="debian", appendonly="no", requirepass=PASSWORD, **tls) as server:
                yield server, port, folder
        except ServerFailed as failed:
            need(f"a Redis with TLS ({str(failed).splitlines()[0]})")
    finally:
        shutil.rmtree(folder)


def tls_url(port: str, certificate: Path, number: int = 0) -> str:
    return f"rediss://:{SECRET}@127.0.0.1:{port}/{number}?ssl_ca_certs={quote(str(certificate))}"


async def test_tls(secured: tuple[ValkeyServer, str, Path]) -> None:
    _, port, folder = secured
    async with linked(tls_url(port, folder / "server.crt", 4)) as link:
        big = b"x" * (3 << 20)
        calls = [link.submit("ECHO", number) for number in range(300)]
        assert await link.call("ECHO", big) == big
        assert [await one for one in calls] == [b"%d" % number for number in range(300)]
        info = await link.call("CLIENT", "INFO")
        assert b" db=4 " in info


async def test_a_certificate_that_nobody_vouches_for(secured: tuple[ValkeyServer, str, Path]) -> None:
    _, port, folder = secured
    async with linked(tls_url(port, folder / "stranger.crt")) as link:
        with pytest.raises(Unavailable, match="certificate"):
            await link.call("PING")


async def test_a_service_by_tls_password_and_number(
    secured: tuple[ValkeyServer, str, Path], servers: Servers, ruleset: Ruleset
) -> None:
    """All of it at once: load, play, flush, audit."""
    assert urlsplit(servers.redis.url).scheme == "unix"
    _, port, folder = secured
    url = tls_url(port, folder / "server.crt", 7)
    with redis.Redis.from_url(servers.redis.url) as client:
        site = await new_site(servers, ruleset, client)
    site.settings = msgspec.structs.replace(site.settings, redis_url=url)
    async with open_service(site.settings, ruleset) as gateway:
        await gateway.load_session(CHAR_ID)
        assert (await do(gateway, grant("gold"), durable=True))["durable_seq"] == 1
        await gateway.save_session(CHAR_ID)
    await site.audit()
