"""What the campaign plays on: a Valkey, a PostgreSQL, gateways, flushers, characters."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec
import redis

from engine.ruleset import Ruleset, load_ruleset
from engine.state import Actor
from persistence.demo.content import demo_catalog
from persistence.embedded import PostgresServer, ValkeyServer
from persistence.embedded.account import choose_account
from persistence.embedded.installation import readable_bin_dir
from persistence.items.catalog import parse_catalog
from persistence.items.catalog_store import import_catalog
from persistence.postgres.migrations import migrate
from persistence.postgres.store import InventoryStore
from tests.chaos.process import Process
from tests.servers import postgres_bin_dir, redis_binary

# A killed process keeps what it has written, whatever it has synced, so memory is as good as a disk.
MEMORY = Path("/dev/shm")


def char_ids(count: int) -> list[str]:
    return [f"c4a05000-0000-4000-8000-{number:012x}" for number in range(count)]


class Stage:
    """Servers and processes; methods that take time block, and are for threads."""

    def __init__(
        self,
        home: Path,
        valkey: ValkeyServer,
        postgres: PostgresServer,
        ruleset: Ruleset,
        redis_port: int | None = None,
    ) -> None:
        self.redis_port = redis_port
        self.home, self.valkey, self.postgres, self.ruleset = home, valkey, postgres, ruleset
        self.processes: list[Process] = []

    def add(
        self,
        gateways: int,
        flushers: int,
        direct: Collection[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        kinds: list[Literal["gateway", "flusher"]] = ["gateway"] * gateways + ["flusher"] * flushers
        for number, kind in enumerate(kinds):
            log = self.home / f"{kind}-{number}.log"
            self.processes.append(
                Process(kind, f"{kind} {number}", self.redis_url, self.postgres.url, log, direct, environ)
            )

    @property
    def redis_url(self) -> str:
        """By TCP where there is a port: the socket is in another place after each start."""
        return f"redis://127.0.0.1:{self.redis_port}/0" if self.redis_port else self.valkey.url

    @property
    def gateways(self) -> list[Process]:
        return [process for process in self.processes if process.kind == "gateway"]

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.valkey.url, socket_timeout=10)

    def restart_redis(self, number: signal.Signals, *, without_files: bool = False) -> None:
        os.kill(self.valkey.pid, number)
        self.valkey.stop()
        if without_files:
            shutil.rmtree(self.valkey.data / "appendonlydir", ignore_errors=True)
        self.valkey.start()
        for process in self.processes:
            process.to_redis.lead_to(self.valkey.url)

    def stop_postgres(self, number: signal.Signals) -> None:
        os.kill(self.postgres.pid, number)
        self.postgres.stop()

    def start_postgres(self) -> None:
        self.postgres.start()
        for process in self.processes:
            process.to_postgres.lead_to(self.postgres.url)

    def oldest_unflushed(self, default: float) -> float:
        """When the oldest change was made that Redis has and PostgreSQL has not, in Unix seconds."""
        with self.redis() as client:
            keys = list(client.scan_iter("inventory:journal:*", count=1000))
            pipeline = client.pipeline(transaction=False)
            for key in keys:
                pipeline.lindex(key, 0)
            entries = [entry for entry in pipeline.execute() if entry]
        return min([default, *(msgspec.json.decode(entry)["at"] / 1000 for entry in entries)])

    def unflushed(self) -> int:
        """Sessions that have something PostgreSQL has not."""
        with self.redis() as client:
            return sum(1 for _ in client.scan_iter("inventory:journal:*", count=1000))

    def logs(self) -> str:
        return "".join(process.log.read_text() for process in self.processes if process.log.exists())

    async def populate(self, count: int) -> None:
        """The demo's catalog, and characters who begin with nothing."""
        await migrate(self.postgres.url)
        store = await InventoryStore.connect(self.postgres.url, self.ruleset, pool_size=1)
        await import_catalog(store, parse_catalog(demo_catalog(), self.ruleset))
        await store.close()
        connection = await asyncpg.connect(self.postgres.url)
        await connection.execute(
            "INSERT INTO characters (char_id, name, actor)"
            " SELECT char_id, 'C', $2::text::jsonb FROM unnest($1::uuid[]) AS char_id",
            char_ids(count),
            msgspec.json.encode(Actor(60, "warrior", {"strength": 40})).decode(),
        )
        await connection.close()


@contextmanager
def servers(redis_port: int | None = None) -> Iterator[Stage]:
    """Fresh ones, without processes yet.

    Valkey syncs always: with "everysec" it may hold writes back while the disk is busy, and a kill
    would lose what was acknowledged, which is to be 0 here. In memory it costs nothing.
    """
    base = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    home = Path(tempfile.mkdtemp(prefix="hv-chaos-", dir=base))
    home.chmod(0o755)
    programs = postgres_bin_dir("embedded")
    account = choose_account(home)
    if account is not None:
        programs = readable_bin_dir(programs, account, home / "state")
    settings = {"appendfsync": "always"}
    if redis_port:
        settings |= {"port": str(redis_port), "bind": "127.0.0.1"}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        valkey = stack.enter_context(
            ValkeyServer(binary=redis_binary("embedded"), home=home, settings=settings)
        )
        postgres = stack.enter_context(PostgresServer(bin_dir=programs, home=home, settings={"fsync": "off"}))
        yield Stage(home, valkey, postgres, load_ruleset(), redis_port)


@asynccontextmanager
async def stage(
    gateways: int,
    flushers: int,
    characters: int,
    *,
    redis_port: int | None = None,
    direct: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    """Servers, so many characters, and running processes."""
    with servers(redis_port) as made:
        made.add(gateways, flushers, direct, environ)
        await made.populate(characters)
        try:
            await asyncio.gather(*(asyncio.to_thread(one.keep_running) for one in made.processes))
            yield made
        finally:
            await asyncio.gather(*(asyncio.to_thread(one.close) for one in made.processes))
