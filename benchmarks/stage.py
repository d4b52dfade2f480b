"""What all sides stand on: embedded servers, and databases with the same world in them."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from benchmarks import ROOT, moves, statements
from benchmarks.options import Options
from benchmarks.seed import copy_database, seed
from benchmarks.world import Inventory, inventory
from engine.ruleset import Ruleset, load_ruleset
from persistence.embedded import EmbeddedServers
from persistence.embedded.binaries import find_postgres

RULESET = ROOT / "benchmarks/ruleset.toml"
DATABASES = ("served", "paused", "crud")
SHARED_ITEMS = 84
COST_SIZES = (20, 200, 2000)
GROUPS_EACH = 4
_EXTENSION = "lib/pg_stat_statements.so"


class Stage(Struct, frozen=True):
    """Where everything is. ``databases``: URLs by name; ``counts_statements``: whether PostgreSQL can."""

    home: Path
    ruleset: Ruleset
    redis_url: str
    databases: dict[str, str]
    players: list[Inventory]
    shared: Inventory
    sized: dict[int, Inventory]
    spread_file: Path
    shared_file: Path
    counts_statements: bool


@contextmanager
def stage(options: Options) -> Iterator[Stage]:
    """Start the servers and fill the databases; at the end nothing is left of them."""
    # Not below /tmp, which is memory on many machines: a commit would cost nothing there.
    place = options.data_dir or (Path("/var/tmp") if Path("/var/tmp").is_dir() else None)
    home = Path(tempfile.mkdtemp(prefix="haversack-bench-", dir=place))
    # PostgreSQL runs under another account where we are root, and must be able to enter.
    home.chmod(0o755)
    counts = (find_postgres().parent / _EXTENSION).exists()
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    try:
        with EmbeddedServers.start(
            home / "data", state_root=home / "state", postgres_settings=settings if counts else None
        ) as servers:
            assert servers.redis_url is not None and servers.database_url is not None
            yield _made(options, home, servers.redis_url, servers.database_url, counts=counts)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _made(options: Options, home: Path, redis_url: str, database_url: str, *, counts: bool) -> Stage:
    rng = random.Random(options.seed)
    ruleset = load_ruleset(RULESET)
    players = [inventory(rng, options.items) for _ in range(options.characters)]
    shared = inventory(rng, SHARED_ITEMS)
    sized = {size: inventory(rng, size) for size in COST_SIZES}
    spread_file, shared_file = home / "spread.tsv", home / "shared.tsv"
    moves.write(spread_file, moves.spread(players, rng, GROUPS_EACH))
    moves.write(shared_file, moves.contended(shared, rng))
    databases = asyncio.run(_databases(database_url, ruleset, [*players, shared, *sized.values()]))
    if counts:
        asyncio.run(statements.set_counting(database_url, on=False))
    return Stage(
        home, ruleset, redis_url, databases, players, shared, sized, spread_file, shared_file, counts
    )


async def _databases(url: str, ruleset: Ruleset, inventories: list[Inventory]) -> dict[str, str]:
    await seed(url, ruleset, inventories)
    return {name: await copy_database(url, name) for name in DATABASES}
