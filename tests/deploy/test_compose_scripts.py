"""The scripts of compose.yaml, run as its containers run them, on the servers that are here."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from persistence.postgres.migrations import migrate
from persistence.roles import grant
from tests.adversity.site import free_port
from tests.servers import Servers, need, postgres_bin_dir, redis_binary

ROOT = Path(__file__).parents[2]
# A refused password is refused the second time, too.
ONCE = Retry(NoBackoff(), 0)
PASSWORDS = {
    "haversack": ("VALKEY_PASSWORD", "of/the tests"),
    "haversack-operator": ("VALKEY_OPERATOR_PASSWORD", "of the & operator"),
    "haversack-outbox": ("VALKEY_OUTBOX_PASSWORD", "of the\\1outbox"),
    "admin": ("VALKEY_ADMIN_PASSWORD", "of the $admin"),
}
SCRIPTS = ROOT / "deploy/compose"


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """Readable by their owner alone, each of its own, and never made anew; what is missing is added."""
    (tmp_path / "deploy/compose").mkdir(parents=True)
    script = shutil.copy(SCRIPTS / "secrets.sh", tmp_path / "deploy/compose")
    subprocess.run([script], check=True)
    made = (tmp_path / ".env").read_text()
    values = re.findall(r"^[A-Z_]+=([A-Za-z0-9]{32})$", made, re.MULTILINE)
    assert len(values) == len(set(values)) == made.count("\n") == 9
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    subprocess.run([script], check=True)
    assert (tmp_path / ".env").read_text() == made
    kept = "".join(line for line in made.splitlines(True) if "OPERATOR" not in line)
    (tmp_path / ".env").write_text(kept)
    subprocess.run([script], check=True)
    assert re.fullmatch(rf"{kept}VALKEY_OPERATOR_PASSWORD=\w{{32}}\n", (tmp_path / ".env").read_text())
    assert not (tmp_path / ".env.new").exists()


@pytest.fixture
def home() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="hv-compose-"))
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.mark.parametrize("origin", ["embedded", "debian"])
def test_valkey_knows_its_users_and_no_other(home: Path, origin: str) -> None:
    (home / "bin").mkdir()
    (home / "data").mkdir()
    (home / "bin/valkey-server").symlink_to(redis_binary(origin))
    port = free_port()
    environ = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "ACL": str(ROOT / "deploy/redis/users.acl"),
        "TMPDIR": str(home),
        "DATA": str(home / "data"),
        **dict(PASSWORDS.values()),
    }
    server = subprocess.Popen(
        ["sh", SCRIPTS / "valkey.sh", "--port", port, "--bind", "127.0.0.1"],
        env=environ, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(int(port), server)
        for user, (_, password) in PASSWORDS.items():
            with client_of(port, user, password) as client:
                assert client.execute_command("MULTI") in (b"OK", True)
        with client_of(port, "haversack", "of/the tests") as client:
            assert client.get("inventory:x") is None
        with client_of(port, "admin", "of the $admin") as client:
            assert set(client.acl_users()) == {"default", *PASSWORDS}
            assert int(client.config_get("maxmemory")["maxmemory"]) > 0
        with redis.Redis(port=int(port), retry=ONCE) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.ping()
        # Who has the service's password is no operator by it.
        with (
            client_of(port, "haversack-operator", "of/the tests") as guessing,
            pytest.raises(redis.AuthenticationError),
        ):
            guessing.ping()
        environment = Path(f"/proc/{server.pid}/environ").read_text()
        acl = (home / "users.acl").read_text()
        assert not [name for name, text in PASSWORDS.values() if name in environment or text in acl]
    finally:
        server.terminate()
        server.wait(timeout=20)


def client_of(port: str, user: str, password: str) -> "redis.Redis":
    return redis.Redis(port=int(port), retry=ONCE, username=user, password=password)


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nobody listens")


async def test_postgresql_has_its_roles(each_servers: Servers) -> None:
    """They log in by their passwords' roles, and what the migrator makes is the owner's."""
    psql = postgres_bin_dir("debian") / "psql"
    if not psql.exists():
        need("psql")
    url = await each_servers.empty_database()
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    environ = os.environ | {
        "PATH": f"{psql.parent}:{os.environ['PATH']}",
        "PGHOST": query["host"][0],
        "PGPORT": query["port"][0],
        "POSTGRES_USER": "haversack",
        "POSTGRES_DB": parts.path[1:],
        "POSTGRES_GATEWAY_PASSWORD": "it's of the gateway",
        "POSTGRES_MIGRATOR_PASSWORD": "$(false) of the migrator",
        "ROLES": str(ROOT / "deploy/postgres/roles.sql"),
    }
    await asyncio.to_thread(subprocess.run, ["sh", SCRIPTS / "postgres.sh"], env=environ, check=True)
    owner, gateway = (url.replace("//haversack@", f"//haversack_{name}@") for name in ("migrator", "gateway"))
    try:
        await migrate(owner)
        assert await grant(owner)
        connection = await asyncpg.connect(gateway)
        owners = await connection.fetch(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        )
        assert [row["tableowner"] for row in owners] == ["haversack_owner"]
        await connection.close()
    finally:
        admin = await asyncpg.connect(url)
        verifiers = await admin.fetch(
            "SELECT rolname, rolpassword LIKE 'SCRAM-SHA-256%' AS hashed FROM pg_authid"
            " WHERE rolname IN ('haversack_gateway', 'haversack_migrator')"
        )
        # The servers are the other tests' too.
        await admin.execute("DROP ROLE haversack_gateway, haversack_migrator")
        await admin.close()
    assert [row["hashed"] for row in verifiers] == [True, True]
