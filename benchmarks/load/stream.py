"""Our load generator for streams: many requests a frame, many frames under way, every reply checked.

A reply must name a request that is under way on its own stream, once, and show the item that the
request moved, in the place where it was to go. Requests are made of the same file of moves that HTTP
gets; each connection plays characters of its own, in the file's order.

``stream_player`` is the process that sends; this says what it is told, and what it answers.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.load import Measured, child

JSON, MSGPACK = "haversack.json", "haversack.msgpack"
PATH = "/v1/stream"


class Watched(Struct, frozen=True):
    """Where changes are looked for in PostgreSQL, and of how many characters at a time."""

    database_url: str
    characters: int = 50


class Job(Struct, frozen=True, forbid_unknown_fields=True):
    """What to send.

    ``starts`` has an entry for each connection: how many requests of its share of the file it passes
    by. A ``rate`` above 0 is an open loop: so many requests a second on all connections together, and
    latencies count from when a request was to be sent; at 0 each connection has ``frames`` frames under
    way. A frame has ``frame`` requests, in an open loop fewer if no more are due. ``window_s``: print a
    ``Window`` that often; the latencies of the end are then those after the last one.
    """

    url: str
    token: str
    file: str
    seconds: float
    starts: tuple[int, ...]
    protocol: str = JSON
    frame: int = 16
    frames: int = 4
    rate: float = 0
    window_s: float = 0
    watched: Watched | None = None


class Window(Struct, frozen=True):
    """A part of a run; ``waiting``: requests without a reply at its end. Latencies in milliseconds."""

    seconds: float
    requests: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    waiting: int


class Streamed(Struct, frozen=True):
    """A run: what was measured; where each connection stopped; lags of what was watched; the first error."""

    measured: Measured
    ends: tuple[int, ...]
    lags_ms: tuple[float, ...] = ()
    first_error: str = ""


def job(
    url: str, token: str, file: Path, *, seconds: float, starts: Sequence[int], protocol: str = JSON
) -> Job:
    """A job in a closed loop; ``msgspec.structs.replace`` makes others of it."""
    return Job(url, token, str(file), seconds, tuple(starts), protocol)


def run(todo: Job) -> Streamed:
    """Do it in a process of its own; raises ``LoadError``."""
    given = msgspec.json.encode(todo).decode()
    command = [sys.executable, "-m", "benchmarks.load.stream_player"]
    return child(command, given, todo.seconds, Streamed)
