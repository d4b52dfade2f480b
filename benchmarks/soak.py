"""Hours in minutes: a steady load, watched in windows: ``python -m benchmarks.soak --minutes 10``.

First it is measured how much the gateway takes over a stream; then seven tenths of that are sent,
whether replies come or not. Latencies count from the moment when a request was to be sent, so a stall
is in all that it delayed. Every reply must answer a request of its own stream, once, with the item that
was moved in the place where it was to go; at the end PostgreSQL must have each move exactly once.
The exit status is 1 where any of this was not so.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import redis
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import ROOT, load, machine, report, seqs
from benchmarks.__main__ import interruptible, say
from benchmarks.children import Child
from benchmarks.load import LoadError
from benchmarks.load.stream import Job, Streamed, Window
from benchmarks.options import Options, parse
from benchmarks.rounds import Rounds, Wrong
from benchmarks.sides import SIDES, STREAM_CONNECTIONS, start
from benchmarks.stage import Stage, stage

PART = 0.7
TRIED_S = 5
WINDOW_S = 30.0
# A median of the last windows so much above that of the first is a trend, and no accident.
FLAT = 1.25


class Seen(Struct, frozen=True):
    """A window, and what memory was at its end, in bytes: of the gateway's process, and Redis's."""

    window: Window
    gateway_bytes: int
    redis_bytes: int


class Soaked(Struct, frozen=True):
    """A whole soak."""

    head: dict[str, str]
    capacity_per_second: float
    rate_per_second: float
    seen: list[Seen]
    result: Streamed


def main() -> int:
    """0 when every reply was right."""
    minutes, options = _options()
    with interruptible():
        say("starting the servers and filling the databases")
        with stage(options) as ready, start("served", ready) as child:
            child.wait_ready()
            say(f"loading {len(ready.played):,} sessions")
            asyncio.run(seqs.load_sessions(child.url, ready.played))
            head = asyncio.run(machine.head(options, ready, "own"))
            head |= {
                "generator": "our own, for streams",
                "load": f"{STREAM_CONNECTIONS} streams, {options.characters} characters, open loop",
                "rounds": f"{minutes:g} min in one",
            }
            soaked = _soak(options, ready, child, minutes, head)
        print(f"\n{report.heading(soaked.head)}\n\n{_trend(soaked.seen)}\n")
        print(f"Written to {report.write_json(soaked, options.results, 'soak-')}")
        return 0


def _options() -> tuple[float, Options]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="A steady load, watched.")
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    mine, others = parser.parse_known_args()
    return mine.minutes, parse(others)


def _soak(options: Options, ready: Stage, child: Child, minutes: float, head: dict[str, str]) -> Soaked:
    side = next(side for side in SIDES if side.name == "stream_json")
    rounds = Rounds(options, ready, {"served": child}, load.choose("own"), say)
    rounds.sample(side, TRIED_S)
    capacity = rounds.sample(side, TRIED_S).measured.per_second
    rate = PART * capacity
    say(f"at most {capacity:,.0f} moves/s; {rate:,.0f} for {minutes:g} min")
    before = asyncio.run(seqs.in_database(ready.databases["served"])).durable
    window_s = min(WINDOW_S, minutes * 60 / 4)
    job = replace(rounds.job(side, minutes * 60), rate=rate, window_s=window_s)
    seen: list[Seen] = []
    client = redis.Redis.from_url(ready.redis_url)
    print(
        f"\n{'min':>6} {'moves/s':>9} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9}"
        f" {'waiting':>8} {'gateway MiB':>12} {'Valkey MiB':>11}"
    )
    began, result = time.monotonic(), None
    for told in _played(job):
        if isinstance(told, Streamed):
            result = told
            continue
        used = int(client.info("memory")["used_memory"])
        seen.append(Seen(told, child.rss_bytes(), used))
        print(_line(seen[-1], (time.monotonic() - began) / 60), flush=True)
    client.close()
    child.check()
    if result is None:
        raise LoadError("the generator ended without a result")
    if result.measured.failed:
        raise Wrong(f"{result.measured.errors}, first {result.first_error}\n{child.last_words()}")
    asyncio.run(seqs.settled(child.url))
    stored = asyncio.run(seqs.in_database(ready.databases["served"])).durable - before
    if stored != result.measured.sent:
        raise Wrong(f"{result.measured.sent} moves were answered, PostgreSQL has {stored}")
    say(f"{stored:,} moves, each answered to its own caller and in PostgreSQL once")
    return Soaked(head, capacity, rate, seen, result)


def _played(job: Job) -> Iterator[Window | Streamed]:
    """Each window as it ends, and the result."""
    command = [sys.executable, "-m", "benchmarks.load.stream_player"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as player:
        try:
            assert player.stdin is not None and player.stdout is not None
            player.stdin.write(msgspec.json.encode(job))
            player.stdin.close()
            for line in player.stdout:
                if b'"measured"' in line:
                    yield msgspec.json.decode(line, type=Streamed)
                else:
                    yield msgspec.json.decode(line, type=Window)
        finally:
            player.kill()


def _line(seen: Seen, minutes: float) -> str:
    window = seen.window
    return (
        f"{minutes:6.1f} {window.requests / window.seconds:9,.0f} {window.p50_ms:8.2f} {window.p90_ms:8.2f}"
        f" {window.p99_ms:8.2f} {window.p999_ms:9.2f} {window.waiting:8,}"
        f" {seen.gateway_bytes / 2**20:12.1f} {seen.redis_bytes / 2**20:11.1f}"
    )


def _trend(seen: list[Seen]) -> str:
    """The last third of the windows beside the first."""
    third = max(1, len(seen) // 3)
    lines = [f"{'last third / first third':26} {'ratio':>6}"]
    of: dict[str, list[float]] = {
        "p50": [entry.window.p50_ms for entry in seen],
        "p99": [entry.window.p99_ms for entry in seen],
        "p99.9": [entry.window.p999_ms for entry in seen],
        "gateway's memory": [float(entry.gateway_bytes) for entry in seen],
        "Valkey's memory": [float(entry.redis_bytes) for entry in seen],
    }
    for name, values in of.items():
        first, last = sorted(values[:third])[third // 2], sorted(values[-third:])[third // 2]
        ratio = last / first if first else 0.0
        lines.append(f"{name:26} {ratio:6.2f}  {'flat' if ratio <= FLAT else 'GROWS'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
