"""The sides that are compared: a server each, and what is sent to it."""

import sys
from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.children import Child
from benchmarks.load import Load
from benchmarks.load.stream import JSON, MSGPACK
from benchmarks.stage import BULK_EACH, RULESET, Stage

TOKEN = "a-token-for-benchmarks"
# Few connections with much under way on each: that is what bulk and streams are for.
BULK_CONNECTIONS = 4
STREAM_CONNECTIONS = 4
ServerName = Literal[
    "floor_a", "floor_b", "served", "paused", "unchecked", "workers", "crud", "function", "many"
]
# Those that keep sessions in Valkey, and of them those that flush.
WITH_SESSIONS = ("served", "paused", "unchecked", "workers")
FLUSHING = ("served", "workers")


class Side(Struct, frozen=True):
    """One line of the table: which server, which file of the stage's it gets, and how.

    ``unit`` is what is counted: moves, or whole inventories that are read. ``protocol`` is that of a
    stream, None for HTTP.
    """

    name: str
    label: str
    server: ServerName
    file: str = "spread"
    unit: Literal["move", "read"] = "move"
    protocol: str | None = None

    def load(self, stage: Stage, connections: int) -> Load:
        """What is sent over HTTP."""
        if self.file == "bulk":
            return Load(stage.files["bulk"], BULK_CONNECTIONS, TOKEN, BULK_EACH)
        return Load(stage.files[self.file], connections, TOKEN)


SIDES = (
    Side("floor_a", "floor A: aiohttp, a constant", "floor_a"),
    Side("floor_b", "floor B: aiohttp, msgspec in and out", "floor_b"),
    Side("served", "hot move, as served", "served"),
    Side("paused", "hot move, flusher paused", "paused"),
    Side("unchecked", "hot move, flusher paused, no checks", "unchecked"),
    Side("workers", "hot move, as served, two workers", "workers"),
    Side("served_shared", "one shared inventory, as served", "served", "shared"),
    Side("bulk", "bulk: 100 requests a body", "served", "bulk"),
    Side("stream_json", "stream, JSON", "served", "json", protocol=JSON),
    Side("stream_msgpack", "stream, msgpack", "served", "msgpack", protocol=MSGPACK),
    Side("read", "GET inventory, 80 items", "served", "read", unit="read"),
    Side("crud", "the move in CRUD mode", "crud"),
    Side("function", "the move as one PL/pgSQL function", "function"),
    Side("crud_shared", "one shared inventory, CRUD mode", "crud", "shared"),
    Side("function_shared", "one shared inventory, PL/pgSQL function", "function", "shared"),
)


def start(server: ServerName, stage: Stage, command: list[str] | None = None) -> Child:
    """Begin the server's process; ``command`` in place of its own."""
    environ = {
        "HAVERSACK_TOKEN": TOKEN,
        "HAVERSACK_RULESET": str(RULESET),
        "HAVERSACK_REDIS_URL": stage.redis_url,
        "HAVERSACK_PORT": "0",
        # A storm has more than are let in otherwise.
        "HAVERSACK_CONNECTIONS_MAX": "8192",
        # Each gateway on sessions of its own, in the one Valkey.
        "HAVERSACK_KEY_PREFIX": f"{server}:",
    }
    if not server.startswith("floor"):
        environ["HAVERSACK_DATABASE_URL"] = stage.database(server)
    return Child(server, command or _COMMANDS[server], environ, stage.home / f"{server}.log")


_SERVE = [str(Path(sys.executable).with_name("haversack")), "serve"]
_COMMANDS: dict[ServerName, list[str]] = {
    "floor_a": [sys.executable, "-m", "benchmarks.floors", "a"],
    "floor_b": [sys.executable, "-m", "benchmarks.floors", "b"],
    "served": _SERVE,
    "paused": [sys.executable, "-m", "benchmarks.paused"],
    "unchecked": [sys.executable, "-m", "benchmarks.paused", "--no-checks"],
    "workers": [*_SERVE, "--workers", "2"],
    "crud": [sys.executable, "-m", "benchmarks.crud"],
    "function": [sys.executable, "-m", "benchmarks.crud", "--function"],
    "many": _SERVE,
}
