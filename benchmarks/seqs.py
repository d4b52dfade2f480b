"""What was really done: a character's seq counts the calls that were applied to it."""

import asyncio
import time

import aiohttp
import asyncpg
from msgspec import Struct

from benchmarks.sides import TOKEN

PAGE = 500
SETTLE_S = 30.0
_HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Seqs(Struct, frozen=True):
    """Sums over all characters: moves that were applied, and those that PostgreSQL has."""

    applied: int
    durable: int


class NotSettled(Exception):
    """The flusher does not get to an end."""


async def load_sessions(url: str, char_ids: list[str], *, at_once: int = 32) -> None:
    """Make the characters' sessions live."""
    ids = iter(char_ids)

    async def work(client: aiohttp.ClientSession) -> None:
        for char_id in ids:
            async with client.post(f"{url}/v1/characters/{char_id}/session") as response:
                response.raise_for_status()

    async with aiohttp.ClientSession(headers=_HEADERS) as client:
        await asyncio.gather(*(work(client) for _ in range(at_once)))


async def over_http(url: str) -> Seqs:
    """The sums as a gateway with sessions tells them."""
    applied = durable = 0
    cursor: str | None = None
    async with aiohttp.ClientSession(headers=_HEADERS) as client:
        while True:
            query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            async with client.get(f"{url}/v1/characters", params=query) as response:
                response.raise_for_status()
                page = await response.json()
            applied += sum(entry["seq"] for entry in page["characters"])
            durable += sum(entry["durable_seq"] for entry in page["characters"])
            cursor = page["cursor"]
            if cursor is None:
                return Seqs(applied, durable)


async def in_database(url: str) -> Seqs:
    """The sums as PostgreSQL has them."""
    connection = await asyncpg.connect(url)
    try:
        total = await connection.fetchval("SELECT sum(seq)::bigint FROM characters")
    finally:
        await connection.close()
    return Seqs(total, total)


async def settled(url: str) -> tuple[Seqs, float]:
    """The sums once all is durable, and how many seconds that took; raises ``NotSettled``."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_S:
        seqs = await over_http(url)
        if seqs.applied == seqs.durable:
            return seqs, time.monotonic() - began
        await asyncio.sleep(0.05)
    raise NotSettled(f"after {SETTLE_S:.0f} s {seqs.applied - seqs.durable} moves are not in PostgreSQL")
