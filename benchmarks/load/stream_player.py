"""The process that plays a stream's load: ``python -m benchmarks.load.stream_player < JOB``."""

import asyncio
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.load import Measured
from benchmarks.load.lag import LagSampler
from benchmarks.load.stream import PATH, Job, Streamed, Window
from benchmarks.load.stream_words import Wording
from benchmarks.load.websocket import WebSocket
from benchmarks.stats import percentiles_ms

TICK_S = 0.002
DRAIN_S = 20.0
# An open loop that the server cannot follow holds back here, and falls short of its rate.
UNDER_WAY_MAX = 20_000


class Run:
    """What all connections share."""

    def __init__(self, job: Job) -> None:
        """Nothing runs yet."""
        self.job = job
        self.words = Wording(job.protocol)
        self.lag: LagSampler | None = None
        self.ends = float("inf")
        self.in_time = 0
        self.latencies_s: list[float] = []
        self.errors = {"status": 0, "read": 0, "wrong": 0}
        self.first_error = ""

    def failed(self, kind: str, what: object) -> None:
        """Count an error, and remember the first."""
        self.errors[kind] += 1
        self.first_error = self.first_error or f"{kind}: {what}"


class Player:
    """One connection and its share of the file."""

    def __init__(self, run: Run, lines: Sequence[bytes], position: int) -> None:
        """Play ``lines`` from ``position`` on, and again from the first after the last."""
        self._run = run
        self._lines = lines
        self.position = position
        self._id = 0
        # By id: when it was to be sent, and what it asks for.
        self.under_way: dict[int, tuple[float, tuple[str, str, int, str]]] = {}
        self._answered = 0
        self.socket: WebSocket

    def issue(self, times: Sequence[float]) -> None:
        """Send one frame with a request for each of ``times``, which is when it was to be sent."""
        texts = []
        for intended in times:
            line = self._lines[self.position % len(self._lines)]
            self.position += 1
            self._id += 1
            text, asked = self._run.words.request(self._id, line)
            texts.append(text)
            self.under_way[self._id] = intended, asked
        self.socket.send(self._run.words.frame(texts))

    def received(self, payload: bytes) -> None:
        """Check the replies of a frame; in a closed loop, send as many again."""
        run, now = self._run, time.perf_counter()
        in_time = now < run.ends
        for reply in run.words.replies(payload):
            intended, asked = self.under_way.pop(reply.id, (0.0, None))
            if asked is None:
                run.failed("wrong", f"nothing under way has the id {reply.id}")
                continue
            if reply.code:
                run.failed("status", f"{reply.status} {reply.code} to {asked}")
            elif not reply.answers(asked):
                run.failed("wrong", f"{reply} to {asked}")
            elif run.lag is not None:
                run.lag.on_reply(asked[3], reply.seq, now)
            run.in_time += in_time
            run.latencies_s.append(now - intended)
            self._answered += 1
        if not run.job.rate and in_time:
            while self._answered >= run.job.frame:
                self._answered -= run.job.frame
                self.issue([now] * run.job.frame)


async def play(job: Job, lines: Sequence[bytes]) -> Streamed:
    """Connect, play, wait for the replies that are still to come, and tell."""
    run = Run(job)
    count = len(job.starts)
    # A connection has every count-th line, and that must be the same characters' each time round.
    players = [Player(run, lines[n::count], start) for n, start in enumerate(job.starts)]
    async with AsyncExitStack() as stack:
        if job.watched is not None:
            run.lag = LagSampler(job.watched.database_url, job.watched.characters)
            await stack.enter_async_context(run.lag)
        await _connect(run, players)
        began, cpu_s = time.perf_counter(), time.process_time()
        run.ends = began + job.seconds
        windows = asyncio.create_task(_tell_windows(run, players)) if job.window_s else None
        await (_paced(run, players, began) if job.rate else _closed_loop(run, players))
        await _drained(run, players)
        cpu_s = time.process_time() - cpu_s
        if windows is not None:
            await windows
        for player in players:
            player.socket.close()
    p50_ms, p90_ms, p99_ms, p999_ms = percentiles_ms(run.latencies_s)
    sent = sum(player.position for player in players) - sum(job.starts)
    measured = Measured(run.in_time, sent, job.seconds, p50_ms, p90_ms, p99_ms, p999_ms, run.errors, cpu_s)
    lags_ms = tuple(round(lag_s * 1000, 1) for lag_s in run.lag.lags_s) if run.lag is not None else ()
    return Streamed(measured, tuple(player.position for player in players), lags_ms, run.first_error)


async def _connect(run: Run, players: Sequence[Player]) -> None:
    job, loop = run.job, asyncio.get_running_loop()
    parts = urlsplit(job.url)
    assert parts.hostname is not None and parts.port is not None
    for player in players:
        player.socket = WebSocket(parts.netloc, PATH, job.token, job.protocol, player.received)
        await loop.create_connection(partial(_same, player.socket), parts.hostname, parts.port)
        await player.socket.opened


def _same(socket: WebSocket) -> WebSocket:
    return socket


async def _closed_loop(run: Run, players: Sequence[Player]) -> None:
    now = time.perf_counter()
    for player in players:
        for _ in range(run.job.frames):
            player.issue([now] * run.job.frame)
    await asyncio.sleep(run.job.seconds)


async def _paced(run: Run, players: Sequence[Player], began: float) -> None:
    job, issued, total = run.job, 0, int(run.job.rate * run.job.seconds)
    while issued < total and (now := time.perf_counter()) < run.ends:
        until = min(int((now - began) * job.rate), total)
        if _under_way(players) > UNDER_WAY_MAX or _gone(players):
            until = issued
        for number, player in enumerate(players):
            # The requests of all are dealt in turn, so this is one in so many of those that are due.
            first = issued + (number - issued) % len(players)
            for times in _frames(first, until, len(players), job.frame):
                player.issue([began + k / job.rate for k in times])
        issued = until
        await asyncio.sleep(TICK_S)


def _frames(first: int, until: int, step: int, frame: int) -> Iterator[range]:
    numbers = range(first, until, step)
    for at in range(0, len(numbers), frame):
        yield numbers[at : at + frame]


async def _drained(run: Run, players: Sequence[Player]) -> None:
    """Wait for the last replies; those that do not come are errors."""
    until = time.perf_counter() + DRAIN_S
    while _under_way(players) and time.perf_counter() < until and not _gone(players):  # noqa: ASYNC110
        # A look now and then costs the last replies nothing, and the player no bookkeeping on each.
        await asyncio.sleep(0.01)
    if left := _under_way(players):
        run.failed("read", f"{left} requests were never answered")
        run.errors["read"] += left - 1


async def _tell_windows(run: Run, players: Sequence[Player]) -> None:
    began = time.perf_counter()
    while began < run.ends - run.job.window_s / 2:
        await asyncio.sleep(min(began + run.job.window_s, run.ends) - began)
        now, latencies_s, run.latencies_s = time.perf_counter(), run.latencies_s, []
        window = Window(now - began, len(latencies_s), *percentiles_ms(latencies_s), _under_way(players))
        print(msgspec.json.encode(window).decode(), flush=True)
        began = now


def _under_way(players: Sequence[Player]) -> int:
    return sum(len(player.under_way) for player in players)


def _gone(players: Sequence[Player]) -> bool:
    return any(player.socket.closed.done() for player in players)


def main() -> None:
    """Play the job that stands on the standard input, and print the result as JSON."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    # Nothing here makes cycles, and looking for them would delay what is being timed.
    gc.disable()
    lines = Path(job.file).read_bytes().splitlines()
    print(msgspec.json.encode(uvloop.run(play(job, lines))).decode())


if __name__ == "__main__":
    main()
