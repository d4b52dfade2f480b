"""A Valkey (or Redis) server of our own: durable by append-only file, reachable by unix socket only."""

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM
from typing import ClassVar
from urllib.parse import quote

from persistence.embedded.errors import EmbeddedError
from persistence.embedded.lifeline import Plan, Step
from persistence.embedded.process import spawn
from persistence.embedded.server import Checkpoint, Readiness, Server

SOCKET = "valkey.sock"
_PROBE_S = 1.0


class ValkeyServer(Server):
    """Runs `binary` with its files in `home/valkey`.

    Every write is in the append-only file before it is answered, so a kill -9 of the server keeps it, except
    that the server may put the write off for up to 2 s while the disk is slow to sync; a power failure loses
    at most about one second. There are no RDB snapshots: they would protect nothing more, and a failed one
    stops all writes.
    """

    NAME = "Valkey"
    KEY = "valkey"
    PROGRAMS = ("valkey", "redis")
    # SIGTERM is SHUTDOWN without the need for a free connection.
    STOP_PLAN: ClassVar[Plan] = (Step(SIGTERM, 15.0),)
    # Only a child that rewrites the append-only file can outlive the server, and nobody will use what it
    # writes.
    STRAGGLER_PLAN: ClassVar[Plan] = (Step(None, 0.2),)

    def __init__(
        self,
        *,
        binary: Path,
        home: Path,
        records: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Add `settings` to the server's, or replace some of them, as in `{"appendonly": "no"}`."""
        super().__init__(home, records or home)
        self._binary = binary
        self._settings = dict(settings or {})
        self._socket = Path()

    @property
    def url(self) -> str:
        """A `unix://` URL for `redis.asyncio.from_url`."""
        return valkey_url(self._socket)

    def _spawn(self, checkpoint: Checkpoint) -> "subprocess.Popen[bytes]":
        try:
            self.data.mkdir(mode=0o700, exist_ok=True)
            self._socket = self._sockets.open() / SOCKET
        except OSError as error:
            raise EmbeddedError(f"Valkey's files cannot be prepared: {error}") from error
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            # The server starts inside its directory, so that no path of the user's has to be quoted.
            "dir": "./",
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        } | self._settings
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return spawn(
            self.NAME, [self._binary, *arguments], log=self.log, cwd=self.data, lifeline=self._lifeline.fd
        )

    def _probe(self) -> Readiness:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_PROBE_S)
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                reply = client.recv(1024)
        except OSError:
            return Readiness.SILENT
        if not reply:
            return Readiness.SILENT
        # Any answer but these comes from a server that is up; what else it complains of is its clients'
        # business.
        return Readiness.LOADING if reply.startswith((b"-LOADING", b"-BUSY")) else Readiness.READY


def valkey_url(socket_path: Path) -> str:
    """A `unix://` URL of the server that listens at `socket_path`."""
    return f"unix://{quote(str(socket_path))}"
