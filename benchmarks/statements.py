"""How many statements PostgreSQL is given a move, by its own count (pg_stat_statements).

BEGIN and COMMIT count, and so does everything else the gateway asks meanwhile. The extension counts
only while this is measured.
"""

import asyncpg
from msgspec import Struct

from benchmarks.seed import database_name, with_database

_COUNT = """
SELECT coalesce(sum(s.calls), 0)::bigint
  FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid
 WHERE d.datname = $1
"""


class Statements(Struct, frozen=True):
    """Statements of one run, and of how many moves."""

    statements: int
    moves: int
    moves_per_second: float

    @property
    def per_move(self) -> float:
        """The ratio."""
        return self.statements / self.moves


async def set_counting(url: str, *, on: bool) -> None:
    """Begin or end counting, for all databases of the server that ``url`` leads to."""
    connection = await asyncpg.connect(with_database(url, "postgres"))
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await connection.execute(f"ALTER SYSTEM SET pg_stat_statements.track = '{'top' if on else 'none'}'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def counted(url: str) -> int:
    """Statements of the database at ``url`` that were counted so far."""
    connection = await asyncpg.connect(with_database(url, "postgres"))
    try:
        return int(await connection.fetchval(_COUNT, database_name(url)))
    finally:
        await connection.close()
