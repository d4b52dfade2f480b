"""Load generators: wrk where it is installed, one of our own where it is not.

Both send the lines of a file (``moves.write``) in order, from a position on and again from the
first after the last, over kept-alive connections, one request at a time on each; both print one
line of JSON, ``Measured``, at their end.
"""

import shutil
import subprocess
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from benchmarks import ROOT, moves

Generator = Literal["wrk", "own"]
SLACK_S = 30.0


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """One run. Latencies are those of a closed loop: a stall delays requests, which are not counted in it.

    ``requests`` were answered within ``seconds``; ``sent`` has those under way at the end, too.
    ``errors`` by kind: ``status`` (any but 200; wrk sees only 400 and above), ``connect``, ``read``,
    ``write``, ``timeout``.
    """

    requests: int
    sent: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """How many did not end in 200."""
        return sum(self.errors.values())


class LoadError(Exception):
    """A generator that did not run; the message is its own."""


class Load(Struct, frozen=True):
    """What is sent: a file of moves, over how many connections, with which token."""

    file: Path
    connections: int
    token: str


def choose(wanted: str) -> Generator:
    """The generator to use: ``wrk``, ``own``, or with ``auto`` wrk if it is there."""
    if wanted == "own":
        return "own"
    if shutil.which("wrk"):
        return "wrk"
    if wanted == "wrk":
        raise LoadError("wrk is not installed (on Debian: apt install wrk)")
    return "own"


def first_reply(url: str, load: Load) -> str:
    """Status and body of one request of the load, sent anew: what to look at when runs fail."""
    path, body = next(moves.read(load.file))
    connection = HTTPConnection(url.removeprefix("http://"), timeout=SLACK_S)
    try:
        headers = {"Authorization": f"Bearer {load.token}", "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        return f"{reply.status} {reply.read(2000).decode('utf-8', 'replace')}"
    except (OSError, HTTPException) as error:
        return f"no reply: {error}"
    finally:
        connection.close()


def run(generator: Generator, url: str, load: Load, *, start: int, seconds: int) -> Measured:
    """Send moves from number ``start`` of the file on for ``seconds``."""
    script = [str(load.file), load.token, str(start)]
    count = str(load.connections)
    if generator == "wrk":
        lua = Path(__file__).with_name("wrk.lua")
        # One thread is enough: it takes a third of the CPU a request that aiohttp's floor does.
        command = ["wrk", "-t1", f"-c{count}", f"-d{seconds}s", "-s", str(lua), url, "--", *script]
    else:
        command = [sys.executable, "-m", "benchmarks.load.client", url, count, str(seconds), *script]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + SLACK_S)
    except subprocess.TimeoutExpired:
        raise LoadError(f"{generator} did not end") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise LoadError(f"{generator} failed:\n{chr(10).join(words)}")
    return msgspec.json.decode(lines[-1], type=Measured)
