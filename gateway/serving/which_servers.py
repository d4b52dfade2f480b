"""Which servers `serve` uses: embedded ones where no URL names others; and how an operator is told."""

from pathlib import Path
from typing import Final

from gateway.configuration.settings import Settings
from gateway.configuration.urls import redacted
from persistence.embedded import EmbeddedServers

# What PostgreSQL allows by itself, and what each further worker may need.
_CONNECTIONS: Final = 100
_CONNECTIONS_A_WORKER: Final = 10


def place_of(url: str | None, data_dir: Path) -> str:
    """The URL without user, password and query; for None that the server is embedded, and where."""
    return redacted(url) or f"embedded, in {_shown(data_dir)}"


def servers_line(settings: Settings) -> str:
    """PostgreSQL and Redis, and where they are."""
    postgres = place_of(settings.database_url, settings.data_dir)
    redis = place_of(settings.redis_url, settings.data_dir)
    if postgres == redis:
        return f"PostgreSQL and Redis: {postgres}"
    return f"PostgreSQL: {postgres}; Redis: {redis}"


def start_embedded(settings: Settings) -> EmbeddedServers:
    """Start those that no URL is set for; raises ``EmbeddedError``, nothing having been left running."""
    connections = _CONNECTIONS + _CONNECTIONS_A_WORKER * (settings.workers - 1)
    return EmbeddedServers.start(
        settings.data_dir,
        valkey=settings.redis_url is None,
        postgres=settings.database_url is None,
        postgres_settings={"max_connections": str(connections)},
    )


def _shown(path: Path) -> str:
    return str(path) if path.is_absolute() or path.parts[:1] == ("..",) else f"./{path}"
