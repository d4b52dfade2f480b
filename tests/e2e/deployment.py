"""A service of two workers, and clients who know which of them they speak to."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import redis

from engine.ruleset import Ruleset
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, Serving

SHARED = "5e1f0000-0000-4000-8000-0000000000aa"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
WORKERS = 2
WITHIN_S = 30.0


@dataclass
class Deployment:
    """A served pair of servers, and everything that its clients were told of the shared character."""

    servers: Servers
    database_url: str
    tmp_path: Path
    told: dict[int, str] = field(default_factory=dict)
    attempts: int = 0

    @property
    def env(self) -> dict[str, str]:
        return {
            "HAVERSACK_REDIS_URL": self.servers.redis.url,
            "HAVERSACK_DATABASE_URL": self.database_url,
            "HAVERSACK_WORKERS": str(WORKERS),
        }

    @property
    def log(self) -> str:
        return (self.tmp_path / "log").read_text()

    def processes(self) -> list[int]:
        """All that serve it, whoever their parents are."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("HAVERSACK_DATABASE_URL") == self.database_url:
                    found.append(int(process.pid))
        return found

    def function_calls(self) -> int:
        """How many Redis has had of all workers."""
        with redis.Redis.from_url(self.servers.redis.url) as client:
            return int(client.info("commandstats")["cmdstat_fcall"]["calls"])

    async def journal(self) -> dict[int, str]:
        """The ledger of the shared character: seq → request id."""
        connection = await asyncpg.connect(self.database_url)
        rows = await connection.fetch("SELECT seq, request_id FROM journal WHERE char_id = $1", SHARED)
        await connection.close()
        return {row["seq"]: row["request_id"] for row in rows}

    async def more(self) -> None:
        """Wait for further acknowledgements."""
        wanted = len(self.told) + 20
        await until(lambda: len(self.told) >= wanted, "play")

    async def serving(self, starts: int) -> None:
        """Wait until so many workers have begun to serve."""
        await until(lambda: self.log.count(" serves\n") >= starts, f"{starts} workers serve")

    async def check(self, ruleset: Ruleset) -> None:
        """Everything acknowledged is in PostgreSQL under its seq, and nothing twice."""
        ledger = await self.journal()
        assert sorted(ledger) == list(range(1, len(ledger) + 1))
        assert len(set(ledger.values())) == len(ledger), "a call was applied twice"
        assert {seq: ledger.get(seq) for seq in self.told} == self.told
        assert await violations(self.servers.redis.url, self.database_url, ruleset) == []


class Client:
    """One connection that stays, with one worker, and is made again when that one is gone."""

    def __init__(self, deployment: Deployment, service: Serving) -> None:
        self.deployment, self.pid = deployment, service.process.pid
        self.local: socket.socket | None = None
        self.told_to_leave = False
        connector = aiohttp.TCPConnector(limit=1, socket_factory=self._socket)
        self.http = aiohttp.ClientSession(service.url, headers=HEADERS, connector=connector)

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        self.local = socket.socket(*info[:3])
        return self.local

    async def grant(self, char_id: str = SHARED) -> tuple[int, int]:
        """Grant one coin; the call's seq, and the pid of the worker that answered."""
        self.deployment.attempts += 1
        request_id = f"call-{self.deployment.attempts}"
        async with self.http.post(
            f"/v1/characters/{char_id}/inventory/grant",
            json={"template_id": "gold_coin", "quantity": 1},
            headers={"X-Request-Id": request_id},
        ) as reply:
            assert reply.status == 200, await reply.text()
            seq: int = (await reply.json())["seq"]
            self.told_to_leave = reply.headers.get("Connection") == "close"
        assert self.deployment.told.setdefault(seq, request_id) == request_id, "one seq for two calls"
        assert self.local is not None
        return seq, worker_at(self.pid, self.local.getsockname())

    async def create(self) -> None:
        async with self.http.post("/v1/characters", json={"char_id": SHARED, "name": "x"}) as reply:
            assert reply.status == 201, await reply.text()

    async def ready(self) -> None:
        async with self.http.get("/readyz") as reply:
            assert reply.status == 200, await reply.text()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()


def worker_at(parent: int, client: tuple[str, int]) -> int:
    """The worker that has the other end of a connection; 0 when it has gone."""
    for worker in psutil.Process(parent).children():
        try:
            connections = worker.net_connections("inet")
        except psutil.Error:
            continue
        if any(one.raddr == client for one in connections):
            return int(worker.pid)
    return 0


def workers_of(service: Serving) -> list[int]:
    return [one.pid for one in psutil.Process(service.process.pid).children()]


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        await asyncio.sleep(0.02)


def all_gone(pids: list[int]) -> bool:
    """Ended, though perhaps not all are buried yet by whoever inherits them."""
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            continue
    return True


async def one_client_a_worker(deployment: Deployment, service: Serving) -> dict[int, Client]:
    """By pid. Which worker a connection gets is chance, so there are attempts."""
    clients: dict[int, Client] = {}
    for _ in range(64):
        client = Client(deployment, service)
        _, pid = await client.grant()
        if pid in clients:
            await client.http.close()
        clients.setdefault(pid, client)
        if len(clients) == WORKERS:
            return clients
    raise AssertionError("64 connections, and all with one worker")
