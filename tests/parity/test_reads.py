"""What a call asks of the server: a handful of commands, however many fields it is about."""

from typing import Any

import pytest
import redis

from engine.outcome import Applied
from engine.ruleset import Ruleset
from lua.library import Library
from tests.parity.twins import Twins
from tests.vectors.vector import Vector

# A move's whole share: head and what is named, what that leads to, what is in the way; the time; the fields.
SWAP = {"hmget": 3, "time": 1, "hset": 1, "rpush": 1}
CASES = {
    "swap": ("a=dagger@bag:0 b=ring@bag:1", "move a bag:1", SWAP),
    "swap of a kind": ("a=dagger@bag:0 b=dagger@bag:1", "move a bag:1", SWAP | {"hmget": 2}),
    "swap between containers": ("a=dagger@bag:0 b=ring@bank:1", "move a bank:1", SWAP | {"hdel": 1}),
    "to a free slot": ("a=dagger@bag:0", "move a bag:5", SWAP | {"hmget": 2, "hdel": 1}),
    "merge": ("a=potion*2@bag:0 b=potion*2@bag:1", "move a bag:1", SWAP | {"hget": 1, "hdel": 1}),
    "grant into stacks": (
        "a=potion*2@bag:0 b=potion*2@bag:1",
        "grant potion*3",
        {"hmget": 4, "time": 1, "hset": 1, "rpush": 1},
    ),
    "consume wherever it is": (
        "a=potion*2@bag:0 b=potion*2@bag:1",
        "consume potion*3",
        {"hmget": 4, "time": 1, "hset": 1, "rpush": 1, "hdel": 1},
    ),
    "take off": ("a=dagger@equipment:main_hand", "unequip a", SWAP | {"hmget": 2, "hdel": 1}),
    "lock": ("a=dagger@bag:0", "lock a", SWAP | {"hmget": 2}),
    "three swaps": (
        "a=dagger@bag:0 b=ring@bag:1 c=sword@bag:2 d=charm@bag:3 e=belt@bag:4 f=shield@bag:5",
        "move a bag:1; move c bag:3; move e bag:5",
        SWAP,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fields_are_read_together(each_redis: redis.Redis, ruleset: Ruleset, case: str) -> None:
    before, commands, expected = CASES[case]
    vector = Vector("here", case, before, commands, "...")
    twins = Twins(
        each_redis, ruleset, vector.session(ruleset.hash), vector.setting.templates, Library(ruleset)
    )
    # The first change of all is also put into the queue, and the node is looked at.
    twins.step(Vector("here", "", "", "set_actor level=7", "...").batch())
    asked: list[dict[str, int]] = []
    execute = twins._execute

    def counted(*args: Any) -> Any:
        each_redis.config_resetstat()
        answer = execute(*args)
        stats = each_redis.info("commandstats")
        asked.append({name.removeprefix("cmdstat_"): told["calls"] for name, told in stats.items()})
        return answer

    twins._execute = counted  # type: ignore[method-assign]
    assert isinstance(twins.step(vector.batch()), Applied)
    ours = {
        name: calls for name, calls in asked[0].items() if name not in ("fcall", "config|resetstat", "info")
    }
    assert ours == expected
