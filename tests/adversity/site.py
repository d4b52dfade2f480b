"""A deployment for one test: Redis and PostgreSQL that can be hurt, each behind a fault proxy."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import redis

from engine.refusals import Refusal
from engine.ruleset import Ruleset
from persistence.embedded import ValkeyServer
from persistence.errors import SessionNotLive
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from persistence.records import Call, TagMismatch
from persistence.service import ServiceSettings, open_service
from tests.adversity.fault_proxy import FaultProxy
from tests.invariants import violations
from tests.parity.twins import encode
from tests.parity.world import ACTOR, TEMPLATES
from tests.servers import Servers, redis_binary

SETTLED_S = 20.0


def char_ids(count: int) -> list[str]:
    return [f"adadadad-0000-4000-8000-{number:012x}" for number in range(count)]


HERO = char_ids(1)[0]


def free_port() -> str:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Site:
    """``settings`` lead through the proxies; ``redis`` and the audit go to the servers themselves."""

    def __init__(self, valkey: ValkeyServer, servers: Servers, database: str, ruleset: Ruleset) -> None:
        self.valkey, self.postgres, self._database, self.ruleset = valkey, servers.postgres, database, ruleset
        self.to_redis = FaultProxy(valkey.url)
        self.to_postgres = FaultProxy(self.postgres.url)
        self.redis = redis.Redis.from_url(valkey.url)
        self.settings = ServiceSettings(
            self.to_redis.redis_url(), self.to_postgres.database_url(self.database_url), flush_interval_ms=20
        )

    @property
    def database_url(self) -> str:
        return self.postgres.url.replace("@/haversack?", f"@/{self._database}?")

    @property
    def environ(self) -> dict[str, str]:
        """For a process of its own."""
        return {
            "HAVERSACK_REDIS_URL": self.settings.redis_url,
            "HAVERSACK_DATABASE_URL": self.settings.database_url,
            "HAVERSACK_FLUSH_INTERVAL_MS": str(self.settings.flush_interval_ms),
        }

    def gateway(
        self, *, flushing: bool = True, **settings: Any
    ) -> AbstractAsyncContextManager[InventoryOrchestrator]:
        """One more process's worth of service."""
        return open_service(
            msgspec.structs.replace(self.settings, **settings), self.ruleset, flushing=flushing
        )

    async def populate(self, count: int) -> None:
        """The small world's catalog, and so many characters without items."""
        store = await InventoryStore.connect(self.database_url, self.ruleset, pool_size=1)
        await import_catalog(store, [Template(facts, {}) for facts in TEMPLATES.values()])
        async with store.database.connection() as connection:
            await connection.execute(
                "INSERT INTO characters (char_id, name, actor)"
                " SELECT char_id, 'A', $2 FROM unnest($1::uuid[]) AS char_id"
                " ON CONFLICT DO NOTHING",
                char_ids(count),
                ACTOR,
            )
        await store.close()

    def kill_redis(self) -> None:
        """SIGKILL; nothing listens any more."""
        os.kill(self.valkey.pid, signal.SIGKILL)
        self.valkey.stop()

    def start_redis(self) -> None:
        """With whatever files it has."""
        self.valkey.start()
        self.lead_to(self.valkey)

    def lead_to(self, server: ValkeyServer) -> None:
        """From now on that one is the site's Redis."""
        self.valkey = server
        self.to_redis.lead_to(server.url)
        self.redis.close()
        self.redis = redis.Redis.from_url(server.url)

    def stop_postgres(self, number: signal.Signals) -> None:
        """SIGINT ends it as "fast" does, SIGQUIT as "immediate", SIGKILL as no one would wish."""
        os.kill(self.postgres.pid, number)
        self.postgres.stop()

    def start_postgres(self) -> None:
        self.postgres.start()
        self.to_postgres.lead_to(self.postgres.url)

    async def flushed(self) -> None:
        """Wait until PostgreSQL has all that sessions have now, whatever is played meanwhile."""
        wanted = self._seqs("seq")

        def all_flushed() -> bool:
            flushed = self._seqs("flushed_seq")
            return all(flushed.get(key, seq) >= seq for key, seq in wanted.items())

        await until(all_flushed, "all is flushed")

    def unflushed(self) -> int:
        """Applied calls that PostgreSQL does not have yet."""
        return sum(self._seqs("seq").values()) - sum(self._seqs("flushed_seq").values())

    def _seqs(self, field: str) -> dict[bytes, int]:
        return {
            key: int(self.redis.hget(key, field) or 0) for key in self.redis.scan_iter("inventory:session:*")
        }

    async def audit(self) -> None:
        """Every invariant holds."""
        assert await violations(self.valkey.url, self.database_url, self.ruleset) == []

    def close(self) -> None:
        self.redis.close()
        self.to_redis.close()
        self.to_postgres.close()


@contextmanager
def valkey(*, origin: str = "embedded", **settings: str) -> Iterator[ValkeyServer]:
    """A server of its own whose acknowledged writes survive a kill."""
    home = Path(tempfile.mkdtemp(prefix="hv-adversity-"))
    # With everysec the server may hold a write back while the disk is busy, and a kill would lose it.
    wanted = {"appendfsync": "always", "enable-debug-command": "yes"} | settings
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        yield stack.enter_context(ValkeyServer(binary=redis_binary(origin), home=home, settings=wanted))


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """SIGSTOP for the length of a block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def play(
    gateway: InventoryOrchestrator, *commands: dict[str, Any], char_id: str = HERO, **call: Any
) -> Any:
    """As the HTTP gateway does it: a session that is not live is loaded, and the call repeated."""
    for _ in range(3):
        try:
            outcome = await gateway.submit(char_id, encode(commands), Call(**call))
        except SessionNotLive:
            await gateway.load_session(char_id)
            continue
        return (
            outcome if isinstance(outcome, Refusal | TagMismatch) else msgspec.json.decode(outcome, type=dict)
        )
    raise SessionNotLive(char_id)


async def quantity(gateway: InventoryOrchestrator, template_id: str, char_id: str = HERO) -> int:
    """How many the session has."""
    await gateway.load_session(char_id)
    items = (await gateway.read_session(char_id)).session.items.values()
    return sum(item.quantity for item in items if item.template_id == template_id)


async def until(
    holds: Callable[[], Any] | Callable[[], Awaitable[Any]], what: str, within_s: float = SETTLED_S
) -> None:
    """Ask again and again, and fail when it does not come true in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = holds()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.01)
