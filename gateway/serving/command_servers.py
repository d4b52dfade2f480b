"""The servers that a command beside `serve` speaks to: those of `serve`, started for it if need be."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gateway.configuration.settings import Settings
from persistence.embedded import EmbeddedServers, running_database_url, running_redis_url
from persistence.errors import MigrationError
from persistence.postgres import migrations
from persistence.service import ServiceSettings


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option of every command that may speak to embedded servers."""
    parser.add_argument(
        "--data-dir", dest="data_dir", help="files of the embedded servers (HAVERSACK_DATA_DIR, ./.haversack)"
    )


@contextmanager
def database(settings: Settings, *, migrated: bool = True) -> Iterator[str]:
    """The database's URL; an embedded one that does not run is started for the length of the block."""
    with ExitStack() as stack:
        url = settings.database_url or running_database_url(settings.data_dir)
        if url is None:
            servers = stack.enter_context(EmbeddedServers.start(settings.data_dir, valkey=False))
            url = servers.database_url
            assert url is not None
        if migrated:
            asyncio.run(migrate(settings, url))
        yield url


@contextmanager
def service_settings(settings: Settings) -> Iterator[ServiceSettings]:
    """What a service of this deployment needs; embedded servers that do not run are started for the block."""
    with ExitStack() as stack:
        redis_url = settings.redis_url or running_redis_url(settings.data_dir)
        database_url = settings.database_url or running_database_url(settings.data_dir)
        if redis_url is None or database_url is None:
            servers = stack.enter_context(
                EmbeddedServers.start(
                    settings.data_dir, valkey=redis_url is None, postgres=database_url is None
                )
            )
            redis_url, database_url = redis_url or servers.redis_url, database_url or servers.database_url
        assert redis_url is not None and database_url is not None
        asyncio.run(migrate(settings, database_url))
        yield service_at(settings, redis_url, database_url)


def service_at(settings: Settings, redis_url: str, database_url: str) -> ServiceSettings:
    """A service's settings, with the servers that were found for it."""
    return ServiceSettings(
        redis_url=redis_url,
        database_url=database_url,
        flush_interval_ms=settings.flush_interval_ms,
        idle_evict_s=settings.idle_evict_s,
        unflushed_max_s=settings.unflushed_max_s,
        journal_keep_days=settings.journal_keep_days,
        shards=settings.shards,
        key_prefix=settings.key_prefix,
        items_url=settings.items_url,
        items_token=settings.items_token,
        items_poll_s=settings.items_poll_s,
        outbox_url=settings.outbox_url,
        outbox_secret=settings.outbox_secret,
    )


async def migrate(settings: Settings, database_url: str) -> None:
    """An embedded database is ours to migrate; any other only when its operator says so.

    Raises ``MigrationError`` when migrations of such a one are pending.
    """
    if settings.database_url is None:
        await migrations.migrate(database_url)
    elif names := await migrations.pending_at(database_url):
        raise MigrationError(f"migrations are pending: {', '.join(names)}. Run `haversack migrate`.")
