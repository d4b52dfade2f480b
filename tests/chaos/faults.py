"""The faults: one begins after another, chosen by the seed; some last, and several may overlap."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil
import redis

from tests.chaos.process import Process
from tests.chaos.records import Destruction, Records
from tests.chaos.stage import Stage

STAMP_LENGTH = len("_0123456789ab")


def _call(name: str) -> bytes:
    """How a call of a function begins, as no text of the library does."""
    return f"${len(name) + STAMP_LENGTH}\r\n{name}_".encode()


CALLS = tuple(
    map(
        _call,
        (
            "session_execute",
            "session_commit",
            "session_settle",
            "session_open",
            "session_adopt",
            "session_close",
            "session_probe",
            "work_claim",
        ),
    )
)
# As they stand in what is sent.
STATEMENTS = (b"COMMIT", b"BEGIN", b"INSERT INTO journal", b"FOR NO KEY UPDATE")

Fault = Callable[[], Awaitable[None]]


class Faults:
    """Does harm until it is told to stop, then mends all of it."""

    def __init__(self, stage: Stage, records: Records, seed: int, pause_s: float) -> None:
        self._stage, self._records, self._pause_s = stage, records, pause_s
        self._rng = random.Random(f"faults {seed}")
        # What is being hurt must not be hurt in another way before it is whole again.
        self._hurt: set[str] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self.last = ""

    async def run(self, until: float, *, destroying: bool) -> None:
        """Until that time on the monotonic clock; with ``destroying`` all that happens is a loss of data."""
        harm: list[tuple[float, str, str, Fault]] = (
            [
                (1, "redis", "FLUSHALL", self._flush_all),
                (1, "redis", "Redis killed, its file gone", self._wipe),
            ]
            if destroying
            else self._harm()
        )
        weights = [entry[0] for entry in harm]
        while time.monotonic() < until:
            (_, target, name, fault) = self._rng.choices(harm, weights)[0]
            if target not in self._hurt:
                task = asyncio.create_task(self._hurting(target, name, fault))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(self._rng.uniform(0.4, 1.6) * (3 if destroying else 1) * self._pause_s)
        await asyncio.gather(*self._under_way)
        for process in self._stage.processes:
            process.signal(signal.SIGCONT)
            for proxy in process.proxies:
                proxy.heal()

    async def _hurting(self, target: str, name: str, fault: Fault) -> None:
        self._hurt.add(target)
        self._records.faults[name] += 1
        self.last = name
        try:
            await fault()
        finally:
            self._hurt.discard(target)

    def _harm(self) -> list[tuple[float, str, str, Fault]]:
        """Weight, what it hurts, its name, and the fault itself."""
        found: list[tuple[float, str, str, Fault]] = [
            (1.0, "redis", "Redis killed, back with its file", lambda: self._redis(signal.SIGKILL)),
            (0.7, "redis", "Redis restarted", lambda: self._redis(signal.SIGTERM)),
            (0.7, "redis", "Redis stands still", self._freeze_redis),
            (0.7, "redis", "functions flushed", self._flush_functions),
            (0.7, "redis", "Redis cuts all clients", self._kill_clients),
            (1.0, "postgres", "PostgreSQL killed", lambda: self._postgres(signal.SIGKILL, 0)),
            (0.7, "postgres", "PostgreSQL restarted", lambda: self._postgres(signal.SIGINT, 0)),
            (0.7, "postgres", "PostgreSQL away for a while", lambda: self._postgres(signal.SIGQUIT, 6)),
            (0.7, "postgres", "PostgreSQL stands still", self._freeze_postgres),
        ]
        for process in self._stage.processes:
            found += self._harm_of(process)
        return found

    def _harm_of(self, process: Process) -> list[tuple[float, str, str, Fault]]:
        kind, name = process.kind, process.name
        return [
            (0.6, name, f"{kind} killed", lambda: self._kill(process)),
            (0.6, name, f"{kind} stands still", lambda: self._freeze(process)),
            (0.2, name, f"{kind} stopped", lambda: asyncio.to_thread(_ignore(process.stop))),
            (0.8, f"{name} lines", "a line cut", lambda: self._cut(process)),
            (0.6, f"{name} lines", "a line silent", lambda: self._stall(process)),
            (0.5, f"{name} lines", "a line slow", lambda: self._slow(process)),
            (1.5, f"{name} lines", "a reply or a request lost", lambda: self._trap(process)),
            (0.8, f"{name} lines", "a message cut off", lambda: self._cut_within(process)),
        ]

    async def _redis(self, number: signal.Signals) -> None:
        await asyncio.to_thread(self._stage.restart_redis, number)

    async def _freeze_redis(self) -> None:
        process = psutil.Process(self._stage.valkey.pid)
        process.suspend()
        await asyncio.sleep(self._rng.uniform(0.3, 2.5))
        process.resume()

    async def _flush_functions(self) -> None:
        def flush() -> None:
            with suppress(redis.RedisError), self._stage.redis() as client:
                client.execute_command("FUNCTION", "FLUSH")

        await asyncio.to_thread(flush)

    async def _kill_clients(self) -> None:
        def kill() -> None:
            with suppress(redis.RedisError), self._stage.redis() as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

        await asyncio.to_thread(kill)

    async def _postgres(self, number: signal.Signals, away_s: float) -> None:
        await asyncio.to_thread(self._stage.stop_postgres, number)
        await asyncio.sleep(self._rng.random() * away_s)
        await asyncio.to_thread(self._stage.start_postgres)

    async def _freeze_postgres(self) -> None:
        frozen = psutil.Process(self._stage.postgres.pid).children()
        for process in frozen:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        await asyncio.sleep(self._rng.uniform(0.5, 4))
        for process in frozen:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    async def _kill(self, process: Process) -> None:
        process.signal(signal.SIGKILL)
        await asyncio.sleep(self._rng.random() * 2)

    async def _freeze(self, process: Process) -> None:
        process.signal(signal.SIGSTOP)
        # Beyond the lease of 2 s more often than not.
        await asyncio.sleep(self._rng.uniform(0.5, 6))
        process.signal(signal.SIGCONT)

    async def _cut(self, process: Process) -> None:
        self._rng.choice(process.proxies).cut()

    async def _stall(self, process: Process) -> None:
        proxy = self._rng.choice(process.proxies)
        proxy.stall()
        await asyncio.sleep(self._rng.uniform(0.2, 7))
        if self._rng.random() < 0.5:
            proxy.cut()
        proxy.flow()

    async def _slow(self, process: Process) -> None:
        proxy = self._rng.choice(process.proxies)
        proxy.slow_down(delay_s=0.002, jitter_s=0.03, bytes_per_s=500_000)
        await asyncio.sleep(self._rng.uniform(1, 3))
        proxy.slow_down()

    async def _trap(self, process: Process) -> None:
        rng = self._rng
        proxy, needles = rng.choice(
            ((process.to_redis, CALLS), (process.to_redis, CALLS), (process.to_postgres, STATEMENTS))
        )
        trap = proxy.cut_after if rng.random() < 0.7 else proxy.cut_before
        trap(rng.choice(needles), times=rng.choice((1, 1, 3)))

    async def _cut_within(self, process: Process) -> None:
        proxy = self._rng.choice(process.proxies)
        proxy.cut_within("down" if self._rng.random() < 0.7 else "up", self._rng.randrange(4000))

    async def _flush_all(self) -> None:
        def flush() -> None:
            with self._stage.redis() as client:
                client.execute_command("FLUSHALL")

        await self._destroy(flush)

    async def _wipe(self) -> None:
        await self._destroy(lambda: self._stage.restart_redis(signal.SIGKILL, without_files=True))

    async def _destroy(self, act: Callable[[], None]) -> None:
        began = time.time()
        oldest = await asyncio.to_thread(self._stage.oldest_unflushed, began)
        await asyncio.to_thread(act)
        self._records.destructions.append(Destruction(began, time.time(), oldest))


def _ignore(act: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        act()

    return run
