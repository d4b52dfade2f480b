"""Our own load generator, for machines without wrk: raw HTTP over uvloop, one process.

It takes more CPU a request than wrk (25 µs beside 20 where both were tried, starting included). On few
cores that is taken from the server, and from the floors most; so ratios to them may come out higher.

It also sends what is to be sent once: with ``once`` for START it ends with the file's last line.

``python -m benchmarks.load.client URL CONNECTIONS SECONDS FILE TOKEN START``
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.load import Measured
from benchmarks.moves import read
from benchmarks.stats import percentiles_ms

ONCE = "once"
# No more than the queue of a listening socket holds.
CONNECTED_AT_ONCE = 256
_LENGTH = b"content-length:"
_OK = b"HTTP/1.1 20"


class Run:
    """What all connections share: the requests to come, and what became of those before."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        """``ends`` is set when all have connected."""
        self.requests = requests
        self.ends = float("inf")
        self.sent = 0
        self.latencies_s: list[float] = []
        self.errors = {"status": 0, "connect": 0, "read": 0, "write": 0, "timeout": 0}


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the one before it is answered."""

    def __init__(self, run: Run) -> None:
        """A connection of ``run``."""
        self._run = run
        self._received = b""
        self._sent_at = 0.0
        self._done = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first ``send``."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take a part of a reply, or all of it."""
        received = self._received + data if self._received else data
        head, end, body = received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            self._received = received
            return
        self._received = b""
        now = time.perf_counter()
        if not head.startswith(_OK):
            self._run.errors["status"] += 1
        elif now < self._run.ends:
            self._run.latencies_s.append(now - self._sent_at)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        """End, before the time if the server closed."""
        if not self._done:
            self._run.errors["read"] += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self) -> None:
        """Send the next request, or close when there is none or the time is over."""
        request = next(self._run.requests, None) if time.perf_counter() < self._run.ends else None
        if request is None:
            self._done = True
            self._transport.close()
            return
        self._run.sent += 1
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def _length(head: bytes) -> int:
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    return int(head[at:].partition(b"\r\n")[0])


def _requests(file: Path, token: str, host: str, start: int | None) -> Iterator[bytes]:
    head = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    made = []
    for path, body in read(file):
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n" if body else ""
        made.append(f"{'POST' if body else 'GET'} {path} {head}{kind}\r\n{body}".encode())
    return iter(made) if start is None else islice(cycle(made), start % len(made), None)


async def _run(
    url: str, connections: int, seconds: float, file: Path, token: str, start: int | None
) -> Measured:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    host, port = parts.hostname, parts.port
    run = Run(_requests(file, token, parts.netloc, start))
    loop = asyncio.get_running_loop()
    made = []
    for first in range(0, connections, CONNECTED_AT_ONCE):
        count = min(CONNECTED_AT_ONCE, connections - first)
        made += await asyncio.gather(
            *(loop.create_connection(lambda: Connection(run), host, port) for _ in range(count))
        )
    began, cpu_s = time.perf_counter(), time.process_time()
    run.ends = began + seconds
    for _, protocol in made:
        protocol.send()
    await asyncio.wait_for(asyncio.gather(*(protocol.ended for _, protocol in made)), seconds + 10)
    p50_ms, p90_ms, p99_ms, p999_ms = percentiles_ms(run.latencies_s)
    return Measured(
        requests=len(run.latencies_s),
        sent=run.sent,
        seconds=min(time.perf_counter(), run.ends) - began,
        p50_ms=p50_ms,
        p90_ms=p90_ms,
        p99_ms=p99_ms,
        p999_ms=p999_ms,
        errors=run.errors,
        generator_cpu_s=time.process_time() - cpu_s,
    )


def main() -> None:
    """Run, and print the result as JSON."""
    url, connections, seconds, file, token, start = sys.argv[1:]
    measured = uvloop.run(
        _run(url, int(connections), float(seconds), Path(file), token, None if start == ONCE else int(start))
    )
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()
