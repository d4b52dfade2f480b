"""The embedded PostgreSQL of a process that serves now, for commands run beside it."""

import socket
from pathlib import Path

from persistence.embedded.files import read_path
from persistence.embedded.postgres import PostgresServer, socket_url

_CONNECT_S = 2.0


def running_database_url(data_dir: Path) -> str | None:
    """The URL of the PostgreSQL that serves `data_dir`, None when none answers there."""
    try:
        directory = read_path(data_dir / f"{PostgresServer.KEY}.sockets")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_CONNECT_S)
            client.connect(str(directory / ".s.PGSQL.5432"))
    except OSError:
        return None
    return socket_url(directory)
