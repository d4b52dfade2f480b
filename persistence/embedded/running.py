"""The embedded servers of a data directory, for commands run beside the process that serves."""

import socket
from pathlib import Path

from persistence.embedded.place import find_place
from persistence.embedded.postgres import PostgresServer, socket_url
from persistence.embedded.sockets import remembered
from persistence.embedded.valkey import SOCKET, ValkeyServer, valkey_url

_CONNECT_S = 2.0


def running_database_url(data_dir: Path) -> str | None:
    """The URL of the PostgreSQL that serves `data_dir`, None when none answers there."""
    directory = _answering(data_dir, PostgresServer.KEY, ".s.PGSQL.5432")
    return None if directory is None else socket_url(directory)


def running_redis_url(data_dir: Path) -> str | None:
    """The URL of the Valkey that serves `data_dir`, None when none answers there."""
    directory = _answering(data_dir, ValkeyServer.KEY, SOCKET)
    return None if directory is None else valkey_url(directory / SOCKET)


def has_database(data_dir: Path) -> bool:
    """Whether a PostgreSQL has ever been made in `data_dir`; raises as `find_place` does."""
    # Records of places have whole paths in them.
    data_dir = data_dir.resolve()
    return ((find_place(data_dir) or data_dir) / PostgresServer.KEY).exists()


def has_redis(data_dir: Path) -> bool:
    """Whether a Valkey has ever been made in `data_dir`."""
    return (data_dir / ValkeyServer.KEY).exists()


def _answering(data_dir: Path, key: str, name: str) -> Path | None:
    """The directory of a server's socket, if somebody listens there."""
    directory = remembered(data_dir / f"{key}.sockets")
    if directory is None:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_CONNECT_S)
            client.connect(str(directory / name))
    except OSError:
        return None
    return directory
