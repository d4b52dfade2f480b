"""Where a run took place: without it, no number of it means anything."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import asyncpg
import redis

from benchmarks import ROOT
from benchmarks.options import Options
from benchmarks.stage import Stage

PACKAGES = ("haversack", "aiohttp", "uvloop", "msgspec", "redis", "hiredis", "asyncpg")


async def head(options: Options, stage: Stage, generator: str) -> dict[str, str]:
    """Machine, versions and settings, in the order in which they are shown."""
    info = redis.Redis.from_url(stage.redis_url).info("server")
    server = info.get("valkey_version") or info["redis_version"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "machine": f"{_cpu_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} at the start",
        "system": f"{platform.system()} {platform.release()}, files on {_file_system(stage.home)}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "servers": f"{info.get('server_name', 'redis')} {server}, PostgreSQL {await _postgres(stage)}",
        "generator": _generator(generator),
        "load": (
            f"{options.connections} connections, {options.characters} characters of {options.items} items,"
            f" half of the moves swaps, seed {options.seed}"
        ),
        "rounds": f"{options.rounds} of {options.seconds} s a side, sides in turn",
    }


def _generator(name: str) -> str:
    if name == "own":
        return "our own (wrk is not used): it takes more CPU, so ratios to the floors may come out higher"
    return " ".join(_output("wrk", "-v").split()[:2])


async def _postgres(stage: Stage) -> str:
    connection = await asyncpg.connect(next(iter(stage.databases.values())))
    try:
        names = ("server_version", "synchronous_commit", "fsync")
        values = [await connection.fetchval(f"SHOW {name}") for name in names]
    finally:
        await connection.close()
    return f"{values[0]} (synchronous_commit {values[1]}, fsync {values[2]})"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(path: Path) -> str:
    # GNU's stat, or nothing.
    return _output("stat", "-f", "-c", "%T", str(path)) if sys.platform == "linux" else "unknown"


def _output(*command: str) -> str:
    try:
        # wrk tells its version and ends with 1; git, outside a checkout, has nothing to say.
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
