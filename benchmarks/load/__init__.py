"""Load generators: wrk for HTTP where it is installed, one of our own where it is not; and for streams.

All send the lines of a file (``moves.write``) in order, from a position on and again from the first
after the last, and print one line of JSON at their end. Each is a process of its own, whose CPU time
is told beside what it measured: a generator that uses a whole core would be what was measured.
"""

import resource
import shutil
import subprocess
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from benchmarks import ROOT, moves

Generator = Literal["wrk", "own"]
SLACK_S = 30.0
T = TypeVar("T")


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """One run. Latencies are those of a closed loop: a stall delays requests, which are not counted in it.

    ``requests`` were answered within ``seconds``; ``sent`` has those under way at the end, too; of a
    load that carries several in a body, both count what is carried, and latencies are of bodies.
    ``errors`` by kind: ``status`` (any but 200; wrk sees only 400 and above), ``connect``, ``read``,
    ``write``, ``timeout``, ``wrong`` (a reply that does not belong to what was asked; streams alone).
    ``generator_cpu_s``: of the generator's process, our own ones' start left out.
    """

    requests: int
    sent: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    errors: dict[str, int]
    generator_cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """How many did not end as they should."""
        return sum(self.errors.values())


class LoadError(Exception):
    """A generator that did not run; the message is its own."""


class Load(Struct, frozen=True):
    """What is sent: a file, over how many connections, with which token; requests ``each`` line carries."""

    file: Path
    connections: int
    token: str
    each: int = 1


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
        connection.request("POST" if body else "GET", path, body or None, headers)
        reply = connection.getresponse()
        return f"{reply.status} {reply.read(2000).decode('utf-8', 'replace')}"
    except (OSError, HTTPException) as error:
        return f"no reply: {error}"
    finally:
        connection.close()


def run(generator: Generator, url: str, load: Load, *, start: int, seconds: int) -> Measured:
    """Send requests from line ``start`` of the file on for ``seconds``."""
    script = [str(load.file), load.token, str(start)]
    count = str(load.connections)
    if generator == "wrk":
        lua = Path(__file__).with_name("wrk.lua")
        # One thread is enough: it takes a third of the CPU a request that aiohttp's floor does.
        times = [f"-d{seconds}s", f"--timeout={SLACK_S:.0f}s"]
        command = ["wrk", "-t1", f"-c{count}", *times, "-s", str(lua), url, "--", *script]
    else:
        command = [sys.executable, "-m", "benchmarks.load.client", url, count, str(seconds), *script]
    before = _children_cpu_s()
    measured = child(command, "", seconds, Measured)
    return msgspec.structs.replace(
        measured,
        requests=measured.requests * load.each,
        sent=measured.sent * load.each,
        generator_cpu_s=measured.generator_cpu_s or _children_cpu_s() - before,
    )


def once(url: str, load: Load, *, within_s: float) -> Measured:
    """Send each line of the file once, as many at a time as there are connections.

    All connections are open before the first request. Other replies than 200 and 201 are counted as
    errors, and are in no latency.
    """
    command = [sys.executable, "-m", "benchmarks.load.client", url, str(load.connections), str(within_s)]
    return child([*command, str(load.file), load.token, "once"], "", within_s, Measured)


def child(command: list[str], given: str, seconds: float, result: type[T]) -> T:
    """Run a generator; what its last line of JSON says."""
    name = Path(command[0]).name if command[0] == "wrk" else command[2]
    try:
        done = subprocess.run(
            command, cwd=ROOT, input=given, capture_output=True, text=True, timeout=seconds + SLACK_S
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"{name} did not end") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise LoadError(f"{name} failed:\n{chr(10).join(words)}")
    return msgspec.json.decode(lines[-1], type=result)


def _children_cpu_s() -> float:
    """CPU seconds of all processes that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
