"""Who may do what on the servers: roles for PostgreSQL, users for Redis, each with the least that does.

The roles' names begin with a word, "haversack" unless it is said otherwise, so that several deployments
can share a PostgreSQL without their services reaching each other's tables.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from persistence.errors import MigrationError
from persistence.keys import LIBRARIES
from persistence.outbox.target import STREAM
from persistence.postgres.database import Connection, Database
from persistence.postgres.migrations import lock
from persistence.postgres.named_sql import query
from persistence.postgres.pg_errors import MISFITS, statements

NAME: Final = "haversack"
# Who serves, who operates, who delivers.
REDIS_USERS: Final = ("haversack", "haversack-operator", "haversack-outbox")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OWNER: Final = "_owner"

# What the functions call, and what the program sends besides; the argument words of redis-py's own handshake
# (AUTH) are always allowed.
_SERVICE: Final = (
    "ping", "select", "info", "time", "multi", "exec",
    "fcall", "function|load", "function|list", "function|delete",
    "get", "set", "setnx", "del",
    "hget", "hgetall", "hmget", "hset", "hdel", "hincrby",
    "llen", "lrange", "ltrim", "lrem", "rpush",
    "zadd", "zcard", "zrangebyscore", "zrem", "zscore",
)  # fmt: skip
# What an audit reads beyond that, and the deletion of all sessions once PostgreSQL was restored.
_OPERATOR: Final = (*_SERVICE, "exists", "hlen", "scan", "unlink", "zscan")
# Who delivers committed changes into a stream: by a URL of its own, perhaps of another server.
_OUTBOX: Final = ("multi", "exec", "xadd")


def check_name(name: str) -> str:
    """The name, if roles can begin with it; raises ``ValueError``."""
    if not _NAME.fullmatch(name):
        raise ValueError("expected a small letter, and then up to 39 small letters, digits and _")
    return name


def postgres_roles(name: str = NAME) -> str:
    """SQL that makes the roles of the database that it is run in; ``ValueError`` for a bad name."""
    return _sql("roles", name)


def postgres_grants(name: str = NAME) -> str:
    """SQL that grants the roles what the program's statements need; the tables must be there."""
    return _sql("grants", name)


def redis_users(key_prefix: str) -> dict[str, Sequence[str]]:
    """The rules of each user, as ``ACL SETUSER`` takes them; passwords are left as they are, or lacking."""
    sessions = (f"~{key_prefix}*", f"~{LIBRARIES}")
    rights = ((sessions, _SERVICE), (sessions, _OPERATOR), ((f"~{STREAM}",), _OUTBOX))
    return {
        user: ("on", "resetkeys", "resetchannels", *keys, "-@all", *(f"+{command}" for command in commands))
        for user, (keys, commands) in zip(REDIS_USERS, rights, strict=True)
    }


async def grant(url: str) -> bool:
    """Grant the roles what the program needs now, where ``roles.sql`` was run; whether it was.

    Known by the database's owner: so a database that has nothing to do with the roles of
    another on the same server stays closed to them. Raises ``MigrationError``, ``Unavailable``.
    """
    database = await Database.connect(url, pool_size=1)
    try:
        async with database.transaction(MigrationError) as connection:
            owner: str = await connection.fetchval(query("database_owner"))
            if not owner.endswith(_OWNER) or not _NAME.fullmatch(owner):
                return False
            name = owner.removesuffix(_OWNER)
            if not await connection.fetchval(query("has_role"), f"{name}_service"):
                return False
            await _grant(connection, name)
        return True
    finally:
        await database.close()


async def _grant(connection: Connection, name: str) -> None:
    # Two at once would update the same rows of PostgreSQL's own tables, which it refuses.
    await lock(connection)
    with statements(MigrationError, MISFITS):
        await connection.execute(postgres_grants(name))


def _sql(file: str, name: str) -> str:
    text = files("persistence").joinpath(f"sql/roles/{file}.sql").read_text("utf-8")
    return re.sub(rf"\b{NAME}(?=_(?:owner|service|support)\b)", check_name(name), text)
