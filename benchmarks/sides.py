"""The sides that are compared: a server each, and what is sent to it."""

import sys
from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.children import Child
from benchmarks.load import Load
from benchmarks.stage import RULESET, Stage

TOKEN = "a-token-for-benchmarks"
ServerName = Literal["floor_a", "floor_b", "served", "paused", "crud"]


class Side(Struct, frozen=True):
    """One line of the table: which server, and whether all connections meet on one inventory."""

    name: str
    label: str
    server: ServerName
    shared: bool = False

    def load(self, stage: Stage, connections: int) -> Load:
        """What is sent."""
        return Load(stage.shared_file if self.shared else stage.spread_file, connections, TOKEN)


SIDES = (
    Side("floor_a", "floor A: aiohttp, a constant", "floor_a"),
    Side("floor_b", "floor B: aiohttp, msgspec in and out", "floor_b"),
    Side("served", "hot move, as served", "served"),
    Side("paused", "hot move, flusher paused", "paused"),
    Side("crud", "the same move in CRUD mode", "crud"),
    Side("served_shared", "one shared inventory, as served", "served", shared=True),
    Side("crud_shared", "one shared inventory, CRUD mode", "crud", shared=True),
)


def start(server: ServerName, stage: Stage) -> Child:
    """Begin the server's process."""
    environ = {
        "HAVERSACK_TOKEN": TOKEN,
        "HAVERSACK_RULESET": str(RULESET),
        "HAVERSACK_REDIS_URL": stage.redis_url,
        "HAVERSACK_PORT": "0",
        # Each gateway on sessions of its own, in the one Valkey.
        "HAVERSACK_KEY_PREFIX": f"{server}:",
    }
    if server in stage.databases:
        environ["HAVERSACK_DATABASE_URL"] = stage.databases[server]
    return Child(server, _COMMANDS[server], environ, stage.home / f"{server}.log")


_COMMANDS: dict[ServerName, list[str]] = {
    "floor_a": [sys.executable, "-m", "benchmarks.floors", "a"],
    "floor_b": [sys.executable, "-m", "benchmarks.floors", "b"],
    "served": [str(Path(sys.executable).with_name("haversack")), "serve"],
    "paused": [sys.executable, "-m", "benchmarks.paused"],
    "crud": [sys.executable, "-m", "benchmarks.crud"],
}
