"""How many sessions a second the flusher brings to PostgreSQL, beside PostgreSQL's own rate.

Every session has made one move. The one side is the flusher as ``serve`` has it, from the first claim
to the last settle. The other one issues what the flush comes to and nothing else, with its columns
prepared beforehand: the heads with their guard, the journal, the items, in one transaction for as many
characters as the flusher takes, over as many connections as it uses.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

import asyncpg
import msgspec
import redis
from msgspec import Struct

from benchmarks import moves
from benchmarks.recorder import Command, Recorder
from benchmarks.seed import copy_database, with_database
from benchmarks.seed import seed as seed_database
from benchmarks.stage import Stage
from benchmarks.world import Inventory, inventory
from persistence.link.redis_link import RedisLink
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres import flush_columns
from persistence.protocol.flusher import BATCH, BATCHES_AT_ONCE, LEASE_MS, Flusher
from persistence.protocol.write_behind import work_of
from persistence.records import FlushWork
from persistence.service import ServiceSettings, open_service

PREFIX = "rate:"
SESSIONS = 5_000
ITEMS_EACH = 12
GROUPS_EACH = 4
LOADS_AT_ONCE = 64
SENT_AT_ONCE = 200
LOOK_S = 0.005

_HEADS = """
UPDATE characters AS c SET seq = u.last_seq, open = true, line = u.incarnation
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],
              $5::bigint[]) AS u (char_id, epoch, base_seq, last_seq, incarnation)
 WHERE c.char_id = u.char_id AND c.epoch = u.epoch AND c.seq = u.base_seq
"""
_JOURNAL = """
INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
SELECT u.char_id, u.seq, timestamptz 'epoch' + u.at * interval '1 millisecond', u.by, u.request_id, u.op_id,
       u.commands::jsonb, u.changes::jsonb
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
              $6::text[], $7::text[], $8::text[])
       AS u (char_id, seq, at, by, request_id, op_id, commands, changes)
"""
_ITEMS = """
INSERT INTO items AS i (item_id, owner, template_id, quantity, container, slot, bound, locked, held)
SELECT u.*
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[],
              $6::text[], $7::boolean[], $8::boolean[], $9::boolean[]) AS u
ON CONFLICT (item_id) DO UPDATE
   SET quantity = excluded.quantity, container = excluded.container, slot = excluded.slot,
       bound = excluded.bound, locked = excluded.locked, held = excluded.held
 WHERE i.owner = excluded.owner
"""


class FlushRate(Struct, frozen=True):
    """One value a round: sessions a second of either side, CPU of the flusher's process in µs a session."""

    flusher: list[float]
    bare: list[float]
    flusher_cpu_us: list[float]


async def measure(stage: Stage, rounds: int, seed: int = 1) -> FlushRate:
    """Measure both in turn, ``rounds`` times; nobody else may use the servers meanwhile."""
    found = FlushRate([], [], [])
    rng = random.Random(seed)
    players = [inventory(rng, ITEMS_EACH) for _ in range(SESSIONS)]
    through = await _database(stage, "flushed", players)
    beside = await copy_database(through, "bare")
    settings = ServiceSettings(stage.redis_url, through, key_prefix=PREFIX)
    client: Any = redis.Redis.from_url(stage.redis_url)
    link = RedisLink(stage.redis_url)
    pool = await asyncpg.create_pool(beside, min_size=BATCHES_AT_ONCE, max_size=BATCHES_AT_ONCE)
    try:
        # As the load of every session does to the other one.
        await pool.execute("UPDATE characters SET epoch = epoch + 1, open = true")
        async with open_service(settings, stage.ruleset, flushing=False) as orchestrator:
            sides = _Sides(players, orchestrator, link, pool)
            await sides.load()
            recorder = Recorder(stage.ruleset, PREFIX, orchestrator.items.version)
            (dealt,) = moves.dealt(players, rng, 1, GROUPS_EACH)
            todo = cycle(dealt)
            for number in range(rounds + 1):
                works = await sides.play([await recorder.command(move) for move in islice(todo, SESSIONS)])
                # What is first in one round is second in the next.
                bare_s = await sides.issue(works) if number % 2 else 0.0
                flusher_s, cpu_s = await sides.flush()
                bare_s = bare_s or await sides.issue(works)
                # The first round warms caches up.
                if number:
                    found.flusher.append(SESSIONS / flusher_s)
                    found.bare.append(SESSIONS / bare_s)
                    found.flusher_cpu_us.append(cpu_s / SESSIONS * 1e6)
            await sides.compare(through, beside)
    finally:
        await link.close()
        await pool.close()
        if keys := list(client.scan_iter(f"{PREFIX}*")):
            client.delete(*keys)
    return found


async def _database(stage: Stage, name: str, players: Sequence[Inventory]) -> str:
    url = with_database(stage.seeded, name)
    connection = await asyncpg.connect(with_database(stage.seeded, "postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    finally:
        await connection.close()
    await seed_database(url, stage.ruleset, list(players))
    return url


class _Sides:
    """What both sides work on: the same characters in two databases."""

    def __init__(
        self,
        players: Sequence[Inventory],
        orchestrator: InventoryOrchestrator,
        link: RedisLink,
        pool: Any,  # noqa: ANN401
    ) -> None:
        self._char_ids = [player.char_id for player in players]
        self._orchestrator = orchestrator
        self._link = link
        self._pool = pool

    async def load(self) -> None:
        for first in range(0, len(self._char_ids), LOADS_AT_ONCE):
            some = self._char_ids[first : first + LOADS_AT_ONCE]
            await asyncio.gather(*map(self._orchestrator.load_session, some))

    async def play(self, calls: Sequence[Command]) -> list[FlushWork]:
        """Make the moves; what each session has for PostgreSQL now."""
        for first in range(0, len(calls), SENT_AT_ONCE):
            for reply in await self._link.send(calls[first : first + SENT_AT_ONCE]):
                if isinstance(reply, Exception) or reply[0] != b"OK":
                    raise RuntimeError(f"a move was not done: {reply}")
        pending = await self._orchestrator._work.pending(self._char_ids, limit=10)
        return [work_of(char_id, pending[char_id]) for char_id in self._char_ids]

    async def flush(self) -> tuple[float, float]:
        """Have the flusher write it all; seconds by the clock, and of this process's CPU."""
        idle = self._orchestrator._flusher
        flusher = Flusher(idle._work, idle._writes, idle._evictor, interval_ms=100, lease_ms=LEASE_MS)
        began, used = time.perf_counter(), time.process_time()
        flusher.start()
        # Nothing tells when the last session is settled, but that the turns of all are far off.
        while await self._link.call("ZCOUNT", f"{PREFIX}due:", "-inf", int((time.time() + 60) * 1000)):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        took, used = time.perf_counter() - began, time.process_time() - used
        await flusher.stop()
        return took, used

    async def issue(self, works: Sequence[FlushWork]) -> float:
        """Have the bare statements write it all; seconds by the clock."""
        todo = [_columns(works[first : first + BATCH]) for first in range(0, len(works), BATCH)]
        began = time.perf_counter()
        await asyncio.gather(*map(self._issue, todo))
        return time.perf_counter() - began

    async def _issue(self, columns: Mapping[str, tuple[Sequence[object], ...]]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            for statement, arguments in columns.items():
                await connection.execute(statement, *arguments)

    async def compare(self, *urls: str) -> None:
        """Both databases must have come to the same; raises ``RuntimeError``."""
        seen = []
        for url in urls:
            connection = await asyncpg.connect(url)
            seen.append(
                await connection.fetch(
                    "SELECT (SELECT count(*) FROM journal), (SELECT sum(seq) FROM characters),"
                    " (SELECT sum(hashtext(item_id::text || container || slot)) FROM items)"
                )
            )
            await connection.close()
        if seen[0] != seen[1]:
            raise RuntimeError(f"the sides wrote different things: {seen}")


def _columns(works: Sequence[FlushWork]) -> dict[str, tuple[Sequence[object], ...]]:
    """Arguments by statement, in the order in which they are sent."""
    entries = [(work.char_id, entry) for work in works for entry in work.entries]
    _, items = flush_columns.item_columns(works)
    return {
        _HEADS: (
            [work.char_id for work in works],
            [work.epoch for work in works],
            [work.base_seq for work in works],
            [work.last_seq for work in works],
            [work.incarnation for work in works],
        ),
        _JOURNAL: (
            [char_id for char_id, _ in entries],
            [entry.seq for _, entry in entries],
            [entry.at for _, entry in entries],
            [entry.by for _, entry in entries],
            [entry.request_id for _, entry in entries],
            [entry.op_id for _, entry in entries],
            [bytes(entry.commands).decode() for _, entry in entries],
            [msgspec.json.encode(entry.changes).decode() for _, entry in entries],
        ),
        _ITEMS: items,
    }
