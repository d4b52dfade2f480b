"""TLS to Redis and to PostgreSQL, both ways of certificates, through whole processes."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
import redis
import trustme

from persistence.embedded import PostgresServer, ServerFailed
from persistence.embedded.account import choose_account
from persistence.errors import Unavailable
from persistence.link.redis_link import RedisLink
from persistence.postgres.database import Database
from persistence.postgres.migrations import migrate
from tests.adversity.site import free_port, valkey
from tests.servers import need, postgres_bin_dir
from tests.serving import TOKEN, Serving, serving

# An address of its own, since PostgreSQL's port is the one that its socket is named after.
ADDRESS = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.17"
PASSWORD = "hunter2-of-the-tests"
HBA = "local all all trust\nhostssl all certified all cert\nhostssl all all all scram-sha-256\n"


@dataclass
class Secured:
    """Both servers by TLS alone, and where the certificates are."""

    folder: Path
    redis_port: str
    postgres: PostgresServer
    admin: "redis.Redis"

    def redis(self, ca: str = "ca", client: bool = True, host: str = "127.0.0.1") -> str:
        own = f"&ssl_certfile={self.folder}/client.pem&ssl_keyfile={self.folder}/client.key" if client else ""
        ca_file = quote(str(self.folder / f"{ca}.pem"))
        return f"rediss://:{PASSWORD}@{host}:{self.redis_port}/3?ssl_ca_certs={ca_file}{own}"

    def database(self, ca: str = "ca", *, user: str = "certified", mode: str = "verify-full") -> str:
        own = (
            f"&sslcert={self.folder}/client.pem&sslkey={self.folder}/client.key"
            if user == "certified"
            else ""
        )
        secret = "" if user == "certified" else f":{PASSWORD}"
        root = f"&sslrootcert={self.folder}/{ca}.pem" if mode.startswith("verify") else ""
        return f"postgresql://{user}{secret}@{ADDRESS}/haversack?sslmode={mode}{root}{own}"

    def env(self, redis_url: str = "", database_url: str = "") -> dict[str, str]:
        return {
            "HAVERSACK_REDIS_URL": redis_url or self.redis(),
            "HAVERSACK_DATABASE_URL": database_url or self.database(),
        }


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    home = Path(tempfile.mkdtemp(prefix="hv-tls-"))
    home.chmod(0o755)
    make_certificates(home)
    account = choose_account(home)
    if account is not None:
        os.chown(home / "postgres.key", account.uid, account.gid)
    (home / "hba").write_text(HBA)
    tls = {
        "tls-port": (port := free_port()), "tls-cert-file": str(home / "server.pem"),
        "tls-key-file": str(home / "server.key"), "tls-ca-cert-file": str(home / "ca.pem"),
        "tls-auth-clients": "yes", "requirepass": PASSWORD, "appendonly": "no",
    }  # fmt: skip
    settings = {
        "listen_addresses": ADDRESS, "ssl": "on", "ssl_cert_file": str(home / "server.pem"),
        "ssl_key_file": str(home / "postgres.key"), "ssl_ca_file": str(home / "ca.pem"),
        "hba_file": str(home / "hba"), "fsync": "off",
    }  # fmt: skip
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        try:
            # The Valkey of the wheel is built without TLS.
            server = stack.enter_context(valkey(origin="debian", **tls))
            postgres = stack.enter_context(
                PostgresServer(bin_dir=postgres_bin_dir("debian"), home=home, settings=settings)
            )
        except ServerFailed as failed:
            need(f"servers with TLS ({str(failed).splitlines()[0]})")
        admin = stack.enter_context(redis.Redis.from_url(server.url, password=PASSWORD))
        yield Secured(home, port, postgres, admin)


def make_certificates(home: Path) -> None:
    """Of the servers, of a client named ``certified``, and an authority that nobody has asked for any."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    stranger.cert_pem.write_to_path(str(home / "stranger.pem"))
    server = authority.issue_cert(ADDRESS, "127.0.0.1")
    client = authority.issue_cert("game.example", common_name="certified")
    for name, issued in (("server", server), ("client", client)):
        issued.cert_chain_pems[0].write_to_path(str(home / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(home / f"{name}.key"))
    server.private_key_pem.write_to_path(str(home / "postgres.key"))
    for name in ("server.key", "postgres.key", "client.key"):
        (home / name).chmod(0o600)


@pytest.fixture(scope="module")
def schema(secured: Secured) -> None:
    """Those who log in, and the tables, which are made by TLS too."""

    async def make() -> None:
        connection = await asyncpg.connect(secured.postgres.url)
        await connection.execute("CREATE ROLE certified LOGIN SUPERUSER")
        await connection.execute(f"CREATE ROLE by_password LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        await connection.close()
        await migrate(secured.database())

    asyncio.run(make())


async def test_a_service_by_tls_alone(secured: Secured, schema: None, tmp_path: Path) -> None:
    """Every connection of it is encrypted, and both servers have asked for its certificate."""
    log = tmp_path / "log"
    with serving(log, "--demo", env=secured.env()) as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(service.url, headers=headers) as http:
            async with http.post("/v1/characters", json={}) as reply:
                url = f"/v1/characters/{(await reply.json())['char_id']}/inventory/grant"
            coin = {"template_id": "gold_coin", "quantity": 1}
            async with http.post(url, json=coin, headers={"Inventory-Durability": "durable"}) as reply:
                assert reply.status == 200 and (await reply.json())["durable_seq"] == 1
        connection = await asyncpg.connect(secured.postgres.url)
        rows = await connection.fetch(
            "SELECT s.ssl, s.client_dn FROM pg_stat_activity JOIN pg_stat_ssl AS s USING (pid)"
            " WHERE application_name = 'haversack'"
        )
        await connection.close()
        assert rows and all(row["ssl"] and "CN=certif" in row["client_dn"] for row in rows)
        ours = [client for client in secured.admin.client_list() if client["db"] == "3"]
        assert ours and all(client["laddr"].endswith(f":{secured.redis_port}") for client in ours)
        assert service.stop() == 0
    assert PASSWORD not in log.read_text()


async def test_a_password_inside_tls(secured: Secured, schema: None) -> None:
    connection = await asyncpg.connect(secured.database(user="by_password"))
    assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await connection.close()


@pytest.mark.parametrize("server", ["Redis", "PostgreSQL"])
def test_who_cannot_be_trusted_is_not_spoken_to(
    secured: Secured, schema: None, tmp_path: Path, server: str
) -> None:
    """The start fails, says why, and has no secret in what it says."""
    env = {
        "Redis": secured.env(redis_url=secured.redis("stranger")),
        "PostgreSQL": secured.env(database_url=secured.database("stranger", user="by_password")),
    }[server]
    with pytest.raises(AssertionError, match=f"it ended with 1:(.|\n)*{server}: .*certificate verify failed"):
        Serving(tmp_path / "log", env=env)
    text = (tmp_path / "log").read_text()
    assert PASSWORD not in text and TOKEN not in text and "Traceback" not in text


async def test_redis_of_another_name_or_without_our_certificate(secured: Secured) -> None:
    for url, told in (
        (secured.redis(host="localhost"), r"certificate|[Hh]ostname"),
        (secured.redis(client=False), r"certificate|closed|reset|required"),
    ):
        link = RedisLink(url)
        with pytest.raises(Unavailable, match=told) as refused:
            await link.call("PING", harmless=True)
        assert PASSWORD not in str(refused.value)
        await link.close()
    with pytest.raises(ValueError, match=r"ssl_ca_certs: \S*missing.pem cannot be read: No such file"):
        RedisLink(secured.redis("missing"))


async def test_postgresql_without_tls_or_with_a_wrong_password(secured: Secured, schema: None) -> None:
    for url, told in (
        (secured.database(user="by_password", mode="disable"), "no encryption"),
        (secured.database(user="by_password").replace(PASSWORD, "guessed"), "password authentication failed"),
    ):
        with pytest.raises(Unavailable, match=told) as refused:
            await Database.connect(url, pool_size=1)
        assert PASSWORD not in str(refused.value) and "guessed" not in str(refused.value)
    with pytest.raises(ValueError, match=r"sslrootcert: \S*missing.pem cannot be read: No such file"):
        await Database.connect(secured.database("missing"), pool_size=1)
