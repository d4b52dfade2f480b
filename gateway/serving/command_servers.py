"""The servers that a command beside `serve` speaks to: those of `serve`, started for it if need be."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gateway.configuration.settings import Settings
from gateway.serving.endings import stopped_with
from gateway.serving.which_servers import place_of
from persistence.embedded import (
    EmbeddedError,
    EmbeddedServers,
    has_database,
    has_redis,
    running_database_url,
    running_redis_url,
)
from persistence.errors import MigrationError
from persistence.postgres import migrations
from persistence.service import ServiceSettings

_log = logging.getLogger("haversack")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option of every command that may speak to embedded servers."""
    parser.add_argument(
        "--data-dir", dest="data_dir", help="files of the embedded servers (HAVERSACK_DATA_DIR, ./.haversack)"
    )


@contextmanager
def database(settings: Settings, *, migrated: bool = True, new: bool = False) -> Iterator[str]:
    """The database's URL; an embedded one that does not run is started for the length of the block.

    ``new``: there need not have been one. Then standard error tells where it is, lest somebody who forgot
    a setting believe that it is another. Raises ``EmbeddedError``.
    """
    if settings.database_url is None and new:
        _tell(settings, f"PostgreSQL: {place_of(None, settings.data_dir)}")
    with ExitStack() as stack:
        if not new:
            _check_there(settings, redis=False)
        url = settings.database_url or running_database_url(settings.data_dir)
        if url is None:
            servers = stopped_with(stack, EmbeddedServers.start(settings.data_dir, valkey=False))
            url = servers.database_url
            assert url is not None
        if migrated:
            asyncio.run(migrate(settings, url))
        yield url


@contextmanager
def service_settings(settings: Settings) -> Iterator[ServiceSettings]:
    """What a service of this deployment needs; embedded servers that do not run are started for the block.

    Raises ``EmbeddedError``, as where there has never been any.
    """
    _check_there(settings, redis=True)
    with ExitStack() as stack:
        redis_url = settings.redis_url or running_redis_url(settings.data_dir)
        database_url = settings.database_url or running_database_url(settings.data_dir)
        if redis_url is None or database_url is None:
            servers = stopped_with(
                stack,
                EmbeddedServers.start(
                    settings.data_dir, valkey=redis_url is None, postgres=database_url is None
                ),
            )
            redis_url, database_url = redis_url or servers.redis_url, database_url or servers.database_url
        assert redis_url is not None and database_url is not None
        asyncio.run(migrate(settings, database_url))
        yield service_at(settings, redis_url, database_url)


def _tell(settings: Settings, line: str) -> None:
    if settings.log == "json":
        _log.info("%s", line)
    else:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _check_there(settings: Settings, *, redis: bool) -> None:
    """Refuse a directory without servers: in new, empty ones nothing would be found, and all be well.

    Where only a catalog or characters were brought in, there is no Valkey yet, and none is missed.
    """
    if settings.database_url is None:
        name, there = "PostgreSQL", has_database(settings.data_dir)
        other = "HAVERSACK_DATABASE_URL another PostgreSQL"
    elif redis and settings.redis_url is None:
        name, there = "Valkey", has_redis(settings.data_dir)
        other = "HAVERSACK_REDIS_URL another server"
    else:
        return
    if not there:
        raise EmbeddedError(
            f"no {name} has been started in {settings.data_dir} yet, so there is nothing to look at:"
            f" --data-dir names another directory, {other}"
        )


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
