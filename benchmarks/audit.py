"""How fast ``haversack audit`` is, and how much memory it takes: ``python -m benchmarks.audit``.

The store is made by SQL: every character has a ledger that grants its items, a few to an entry, and then
moves some of them away and back. Some characters have a live session, with changes that wait for
PostgreSQL. The audit runs in a process of its own, so its memory is its own.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import asyncpg
import msgspec
import uvloop

from benchmarks.stage import RULESET
from benchmarks.world import ACTOR, TEMPLATE_COUNT, catalog
from engine.commands import SetActorRequest
from engine.ruleset import load_ruleset
from persistence.audit import Report, audit
from persistence.embedded import EmbeddedServers
from persistence.items.catalog_store import import_catalog
from persistence.postgres.migrations import migrate
from persistence.postgres.store import InventoryStore
from persistence.records import Call
from persistence.service import ServiceSettings, open_service

GRANTED_EACH = 5
_AT_ONCE = 32
# $1: characters. $2: items of each. $3: moves of each, an even number. $4: the actor. $5: templates.
_SEED = (
    "SELECT journal_add_week(now() - n * interval '7 days') FROM generate_series(0, 3) AS n",
    """
    CREATE FUNCTION pg_temp.item(n int, k int, slot int) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
        SELECT jsonb_build_object(
            'item_id', md5(n || '/' || k), 'template_id', 'template_' || lpad((k % 24)::text, 2, '0'),
            'quantity', CASE k % 3 WHEN 2 THEN 1 + k % 20 ELSE 1 END,
            'place', jsonb_build_object('container', 'bag', 'slot', slot),
            'bound', false, 'locked', false, 'held', false)
    $$
    """,
    """
    INSERT INTO characters (char_id, name, actor, seq)
    SELECT md5(n::text)::uuid, 'Player ' || n, '{actor}', {items} / {granted} + {moves}
      FROM generate_series(1, {characters}) AS n
    """,
    """
    INSERT INTO items (item_id, owner, template_id, quantity, container, slot)
    SELECT md5(n || '/' || k)::uuid, md5(n::text)::uuid, 'template_' || lpad((k % 24)::text, 2, '0'),
           CASE k % 3 WHEN 2 THEN 1 + k % 20 ELSE 1 END, 'bag', k
      FROM generate_series(1, {characters}) AS n, generate_series(0, {items} - 1) AS k
    """,
    """
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    SELECT md5(n::text)::uuid, g + 1, now() - interval '21 days', 'seed', '', '', '[]',
           jsonb_build_object('removed', '[]'::jsonb, 'changed', (
               SELECT jsonb_agg(pg_temp.item(n, k, k))
                 FROM generate_series(g * {granted}, (g + 1) * {granted} - 1) AS k))
      FROM generate_series(1, {characters}) AS n, generate_series(0, {items} / {granted} - 1) AS g
    """,
    """
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    SELECT md5(n::text)::uuid, {items} / {granted} + m + 1, now() - (3 - m * 4 / {moves}) * interval '7 days',
           'seed', '', CASE m % 5 WHEN 0 THEN 'move-' || m ELSE '' END, '[]',
           jsonb_build_object('removed', '[]'::jsonb, 'changed', jsonb_build_array(
               pg_temp.item(n, m / 2, CASE m % 2 WHEN 0 THEN 1000 + m ELSE m / 2 END)))
      FROM generate_series(1, {characters}) AS n, generate_series(0, {moves} - 1) AS m
    """,
    "VACUUM (ANALYZE, FREEZE)",
)


def main() -> None:
    """Seed, audit as often as asked, print figures."""
    arguments = _arguments()
    assert TEMPLATE_COUNT == 24 and arguments.items % GRANTED_EACH == 0 and arguments.moves % 2 == 0
    place = Path("/var/tmp")
    home = Path(tempfile.mkdtemp(prefix="haversack-audit-", dir=place if place.is_dir() else None))
    home.chmod(0o755)
    try:
        with EmbeddedServers.start(
            home / "data", state_root=home / "state", postgres_settings={"synchronous_commit": "off"}
        ) as servers:
            assert servers.redis_url is not None and servers.database_url is not None
            settings = ServiceSettings(servers.redis_url, servers.database_url)
            began = time.monotonic()
            uvloop.run(_fill(settings, arguments))
            print(f"seeded in {time.monotonic() - began:.0f} s", flush=True)
            for _ in range(arguments.runs):
                before = asyncio.run(_servers_cpu_s(settings.database_url))
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    print(alone.submit(_run, settings.redis_url, settings.database_url).result())
                spent = asyncio.run(_servers_cpu_s(settings.database_url)) - before
                print(f"  and {spent:.1f} s CPU of PostgreSQL; load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--characters", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=50, help=f"of each, a multiple of {GRANTED_EACH} (50)")
    parser.add_argument("--moves", type=int, default=20, help="entries of each beside its grants, even (20)")
    parser.add_argument("--sessions", type=int, default=1_000, help="live ones (1000)")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


async def _fill(settings: ServiceSettings, arguments: argparse.Namespace) -> None:
    ruleset = load_ruleset(RULESET)
    await migrate(settings.database_url)
    store = await InventoryStore.connect(settings.database_url, ruleset, pool_size=1)
    await import_catalog(store, catalog())
    await store.close()
    connection = await asyncpg.connect(settings.database_url)
    try:
        for statement in _SEED:
            await connection.execute(
                statement.replace("{characters}", str(arguments.characters))
                .replace("{items}", str(arguments.items))
                .replace("{granted}", str(GRANTED_EACH))
                .replace("{moves}", str(arguments.moves))
                .replace("{actor}", msgspec.json.encode(ACTOR).decode())
            )
        rows = await connection.fetch("SELECT char_id::text FROM characters LIMIT $1", arguments.sessions)
    finally:
        await connection.close()
    async with open_service(settings, ruleset, flushing=False) as gateway:

        async def play(char_id: str) -> None:
            await gateway.load_session(char_id)
            for level in (30, 40):
                await gateway.submit(char_id, (SetActorRequest(level=level),), Call(op_id=f"level-{level}"))

        for first in range(0, len(rows), _AT_ONCE):
            await asyncio.gather(*(play(row["char_id"]) for row in rows[first : first + _AT_ONCE]))


async def _servers_cpu_s(database_url: str) -> float:
    """CPU time of all connections to PostgreSQL that have ended, in seconds."""
    connection = await asyncpg.connect(database_url)
    try:
        postmaster = _proc_stat(await connection.fetchval("SELECT pg_backend_pid()"))[1]
    finally:
        await connection.close()
    ticks = sum(int(part) for part in _proc_stat(postmaster)[13:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _proc_stat(pid: int | str) -> list[str]:
    """Fields of /proc/PID/stat after the program's name, which may have anything in it."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def _run(redis_url: str, database_url: str) -> str:
    settings = ServiceSettings(redis_url, database_url)
    before = resource.getrusage(resource.RUSAGE_SELF)
    report: Report = uvloop.run(audit(settings, load_ruleset(RULESET)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    sums = report.sums
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (
        f"{sums['characters']:,} characters, {sums['items']:,} items, {sums['entries']:,} entries,"
        f" {sums['sessions']:,} sessions in {report.seconds:.1f} s ({cpu_s:.1f} s CPU):"
        f" {sums['items'] / report.seconds:,.0f} items/s, at most {after.ru_maxrss / 1024:,.0f} MiB,"
        f" {sum(report.violated.values())} violations"
    )


if __name__ == "__main__":
    main()
