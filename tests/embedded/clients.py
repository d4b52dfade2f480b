"""Small synchronous clients of the two servers, and waiting for a condition."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import asyncpg
import redis


def valkey(url: str | None) -> "redis.Redis":
    assert url is not None
    return redis.Redis.from_url(url, decode_responses=True)


def sql(url: str | None, query: str, *arguments: object) -> object:
    """Return the first value of the first row."""

    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(condition: Callable[[], object], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not come true within {within_s} s"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Say whether there is such a process; one that ended and that nobody has waited for yet does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def written(client: "redis.Redis") -> None:
    """Wait until nothing that was answered is still to be written to the append-only file."""

    def is_written() -> bool:
        info = cast("dict[str, int]", client.info("persistence"))
        return info["aof_buffer_length"] == 0 and info["aof_pending_bio_fsync"] == 0

    eventually(is_written)
