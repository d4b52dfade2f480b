"""The users of Redis: what they may not, and that they may nothing that the program does not ask for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from persistence.roles import redis_users
from tests.roles.rights import PASSWORD

ROOT = Path(__file__).parents[2]
# For URLs with a number of a database; and what any client may ask a server.
BY_CLIENTS = {"select", "ping"}


FORBIDDEN = (
    "FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET *", "CONFIG SET maxmemory 1", "SHUTDOWN", "ACL LIST",
    "EVAL return(1) 0", "FUNCTION FLUSH", "SAVE", "REPLICAOF NO ONE", "MONITOR", "CLIENT LIST", "SCAN 0",
    "GET other:thing", "SET other:thing 1", "PUBLISH news x", "MODULE LIST", "XADD haversack:changes * a b",
)  # fmt: skip


@pytest.fixture
def users(each_redis: "redis.Redis") -> Iterator["redis.Redis"]:
    """A client of each server in turn, where the users are, as one of them."""
    for user, rules in redis_users("inventory:").items():
        each_redis.execute_command("ACL", "SETUSER", user, f">{PASSWORD}", *rules)
    path = each_redis.connection_pool.connection_kwargs["path"]
    with redis.Redis(unix_socket_path=path, username="haversack", password=PASSWORD) as client:
        yield client
    each_redis.acl_deluser(*redis_users("inventory:"))


def test_what_who_serves_may_not(users: "redis.Redis") -> None:
    for command in FORBIDDEN:
        with pytest.raises(NoPermissionError):
            users.execute_command(*command.split())


def test_who_delivers_reaches_the_stream_alone(users: "redis.Redis") -> None:
    path = users.connection_pool.connection_kwargs["path"]
    with redis.Redis(unix_socket_path=path, username="haversack-outbox", password=PASSWORD) as client:
        with client.pipeline(transaction=True) as both:
            both.xadd("haversack:changes", {"a": "b"}, maxlen=5)
            both.execute()
        for command in (
            "XADD other * a b",
            "XREAD STREAMS haversack:changes 0",
            "GET inventory:shards",
            "PING",
        ):
            with pytest.raises(NoPermissionError):
                client.execute_command(*command.split())


def test_a_function_cannot_reach_beyond_its_user(users: "redis.Redis", each_redis: "redis.Redis") -> None:
    """A library that somebody has put there is bound by the same rights."""
    body = "function() return redis.call('GET', 'other:x') end"
    each_redis.function_load(f"#!lua name=theirs\nredis.register_function('theirs', {body})", replace=True)
    try:
        with pytest.raises(redis.ResponseError, match=r"(?i)permission|ACL|can't access"):
            users.fcall("theirs", 0)
    finally:
        each_redis.function_delete("theirs")


# Where the service itself asks Redis for anything; the outbox and the audit have users of their own.
SERVICE = [f"persistence/{room}*.py" for room in ("", "link/", "sessions/", "protocol/", "desk/", "events/")]


def test_users_may_nothing_that_nobody_asks_for() -> None:
    asked = set(asked_by_lua()) | set(asked_by_python(*SERVICE))
    of_the_outbox = set(asked_by_python("persistence/outbox/*.py"))
    of_operators = asked | set(asked_by_python("persistence/audit/*.py"))
    users = {
        user: {rule[1:] for rule in rules if rule[0] == "+"} for user, rules in redis_users("p:").items()
    }
    assert users["haversack"] - BY_CLIENTS <= asked
    assert users["haversack-operator"] - BY_CLIENTS <= of_operators
    assert users["haversack-outbox"] <= of_the_outbox


def asked_by_lua() -> Iterator[str]:
    for path in (ROOT / "lua/functions").glob("*.lua"):
        for command in re.findall(r"redis\.call\('([A-Z]+)'", path.read_text("utf-8")):
            yield command.lower()


def asked_by_python(*patterns: str) -> Iterator[str]:
    """The first words of tuples and calls that are commands, those of containers with the second."""
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            parts = (
                node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
            )
            words = [part.value for part in parts[:2] if isinstance(part, ast.Constant)]
            if words and isinstance(words[0], str) and re.fullmatch(r"[A-Z]{3,}", words[0]):
                container = words[0] == "FUNCTION"
                yield "|".join(str(word).lower() for word in words[: 1 + container])
