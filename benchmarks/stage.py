"""What all sides stand on: embedded servers, and databases with the same world in them."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
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
# Made at once; a database of any other name when it is asked for.
DATABASES = ("served", "paused")
SHARED_ITEMS = 84
READ_ITEMS = 80
READERS = 100
COST_SIZES = (20, 200, 2000)
# Lists of moves, with groups of their own, for loads that play on one server: over HTTP, in bulk, and in
# each of a stream's protocols.
SPREAD_FILES = ("spread", "bulk", "json", "msgpack")
GROUPS_EACH = 4
BULK_EACH = 100
_EXTENSION = "lib/pg_stat_statements.so"


class Stage(Struct, frozen=True):
    """Where everything is. ``counts_statements``: whether PostgreSQL can.

    ``databases``: URLs by name, of copies of the one at ``seeded``, which nobody touches. ``players``
    play spread moves, all connections meet on ``shared``, ``readers`` are only read, and ``sized`` are
    played with on the server's side alone. ``files``: what is sent, by name.
    """

    home: Path
    ruleset: Ruleset
    redis_url: str
    seeded: str
    databases: dict[str, str]
    players: list[Inventory]
    shared: Inventory
    readers: list[Inventory]
    sized: dict[int, Inventory]
    files: dict[str, Path]
    counts_statements: bool

    def database(self, name: str) -> str:
        """The URL of a database; a new one is a copy of what was seeded. Not for use within a loop."""
        if name not in self.databases:
            self.databases[name] = asyncio.run(copy_database(self.seeded, name))
        return self.databases[name]

    @property
    def played(self) -> list[str]:
        """The ids of all characters that loads over HTTP and streams are about."""
        return [entry.char_id for entry in (*self.players, self.shared, *self.readers)]


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
    readers = [inventory(rng, READ_ITEMS) for _ in range(READERS)]
    sized = {size: inventory(rng, size) for size in COST_SIZES}
    files = _files(home, rng, players, shared, readers)
    asyncio.run(seed(database_url, ruleset, [*players, shared, *readers, *sized.values()]))
    if counts:
        asyncio.run(statements.set_counting(database_url, on=False))
    made = Stage(home, ruleset, redis_url, database_url, {}, players, shared, readers, sized, files, counts)
    for name in DATABASES:
        made.database(name)
    return made


def _files(
    home: Path,
    rng: random.Random,
    players: Sequence[Inventory],
    shared: Inventory,
    readers: Sequence[Inventory],
) -> dict[str, Path]:
    files = {name: home / f"{name}.tsv" for name in (*SPREAD_FILES, "shared", "read")}
    for name, cycle in zip(
        SPREAD_FILES, moves.dealt(players, rng, len(SPREAD_FILES), GROUPS_EACH), strict=True
    ):
        if name == "bulk":
            moves.write_bulk(files[name], cycle, BULK_EACH)
        else:
            moves.write(files[name], cycle)
    moves.write(files["shared"], moves.contended(shared, rng))
    moves.write_reads(files["read"], [entry.char_id for entry in readers])
    return files
