"""The model of Redis against real servers: the same commands, the same replies, the same data."""

import json
from random import Random
from typing import Any

import pytest
import redis

from engine.ruleset import Ruleset
from lua.library import Library
from persistence.keys import Keys
from persistence.sessions.session_fields import actor_text, facts_text, session_of
from tests.parity.twins import load
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES, empty_session, random_command
from tests.simulation.redis_model import RedisModel

KEYS = [f"k{n}" for n in range(4)]
NAMES = ["a", "b", "c", "d"]


def random_call(rng: Random) -> list[str]:
    key, name, number = rng.choice(KEYS), rng.choice(NAMES), str(rng.randint(-3, 6))
    return rng.choice(
        [
            ["HSET", "h" + key, name, number, rng.choice(NAMES), "x"],
            ["HGET", "h" + key, name],
            ["HMGET", "h" + key, *NAMES],
            ["HDEL", "h" + key, name, "b"],
            ["HINCRBY", "hn", name, number],
            ["HLEN", "h" + key],
            ["RPUSH", "l" + key, *NAMES[: rng.randint(1, 4)]],
            ["LLEN", "l" + key],
            ["LINDEX", "l" + key, number],
            ["LRANGE", "l" + key, number, str(rng.randint(-3, 6))],
            ["LTRIM", "l" + key, number, str(rng.randint(-3, 6))],
            ["LREM", "l" + key, str(rng.randint(1, 2)), name],
            ["ZADD", "z" + key, number, name],
            ["ZADD", "z" + key, "1700000000123", name],
            ["ZREM", "z" + key, name],
            ["ZSCORE", "z" + key, name],
            ["ZCARD", "z" + key],
            ["ZRANGE", "z" + key, "0", "-1"],
            ["ZRANGEBYSCORE", "z" + key, "-inf", number, "LIMIT", "0", str(rng.randint(0, 3))],
            ["SET", "s" + key, number],
            ["SET", "s" + key, number, "EX", "1000"],
            ["GET", "s" + key],
            ["DEL", rng.choice("hlzs") + key, "s" + rng.choice(KEYS)],
            ["EXISTS", rng.choice("hlzs") + key],
            ["RENAME", "l" + key, "l" + rng.choice(KEYS)],
            ["HGET", "l" + key, name],
        ]
    )


@pytest.mark.parametrize("seed", range(6))
def test_random_commands_have_the_same_replies(each_redis: "redis.Redis[bytes]", seed: int) -> None:
    model, rng = RedisModel(), Random(seed)
    # As the library meets them: numbers and nils as Lua has them, errors as errors.
    asked = each_redis.register_script("return redis.call(unpack(ARGV))")
    for _ in range(400):
        command = random_call(rng)
        reply: Any = model.serve(command)
        try:
            real = asked(args=command)
        except redis.ResponseError as error:
            assert isinstance(reply, redis.ResponseError), command
            assert str(reply).split()[0] in str(error), command
            continue
        if command[0] == "ZSCORE" and real is not None:
            real, reply = float(real), float(reply)
        assert reply == real, command


def test_the_library_comes_to_the_same_on_both(each_redis: "redis.Redis[bytes]", ruleset: Ruleset) -> None:
    library, keys = Library(ruleset), Keys().of(CHAR_ID)
    model, rng = RedisModel(), Random(7)
    load(each_redis, library)
    model.serve(("FUNCTION", "LOAD", "REPLACE", library.code))
    session = empty_session(ruleset.hash)

    def both(name: str, *args: object) -> Any:
        contract = library.contracts[name]
        names = [getattr(keys, key) for key in contract.keys + contract.keys_of_each]
        command = [library.function(name), len(names), *names]
        real = each_redis.fcall(*command, *args)
        mine = model.serve(["FCALL", *command, *args])
        if name == "session_probe":
            return real, mine
        if real[0] == b"REFUSED":
            # Tables have no order, so neither have the parameters of a refusal.
            real[2], mine[2] = json.loads(real[2]), json.loads(mine[2])
        assert mine == real, (name, args)
        return real

    probes = both("session_probe")
    assert [probe[2:] for probe in probes] == [[b""] * 9] * 2
    opening = (1, 0, 0, "", 1, 60_000, actor_text(ruleset, ACTOR), 0)
    for probe, play in zip(
        probes, (each_redis.fcall, lambda *command: model.serve(["FCALL", *command])), strict=True
    ):
        names = [getattr(keys, key) for key in library.contracts["session_open"].keys]
        gen, now_ms = probe[:2]
        assert (
            play(library.function("session_open"), len(names), *names, gen, now_ms, *opening)[0] == b"CREATED"
        )
    templates = [part for name, facts in TEMPLATES.items() for part in (name, facts_text(facts))]
    for number in range(250):
        command = random_command(rng, session, 0)
        op_id = f"op{number % 40}" if number % 3 else ""
        if command["op"] == "sort":
            continue
        terms = (1, f'"at":{number},"by":"","request_id":"{number}","op_id":"{op_id}"', op_id)
        payload = "abc" if op_id else ""
        text = json.dumps([command], separators=(",", ":"))
        reply = both("session_execute", *terms, payload, "", 100, 10**9, f"{number:024x}", text, *templates)
        if reply[0] == b"OK":
            session = session_of(CHAR_ID, each_redis.hgetall(keys.session))
        if number % 50 == 49:
            both("session_settle", 100, 60_000, 1, session.seq - 1)
    real = each_redis.hgetall(keys.session)
    flat = model.serve(("HGETALL", keys.session))
    mine = dict(zip(flat[::2], flat[1::2], strict=True))
    for fields in (real, mine):
        # These are of the server that a session is on.
        fields.pop(b"gen"), fields.pop(b"dirty_since", None)
    assert mine == real
    journal = ("LRANGE", keys.journal, 0, -1)
    assert model.serve(journal) == each_redis.execute_command(*journal)
    done = each_redis.hgetall(keys.done)
    flat = model.serve(("HGETALL", keys.done))
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == done
