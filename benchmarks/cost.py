"""What a move costs the server, against the number of items and against the least that a call can do.

The figures are Valkey's own (``INFO commandstats``, ``usec_per_call`` of ``fcall``): wall time inside
the command, without reading, parsing, replying or the append-only file. Calls are written down
first and sent a hundred at a time, so that the server is never waiting between two of them.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import redis
from msgspec import Struct

from benchmarks import moves
from benchmarks.moves import Move
from benchmarks.recorder import Command, Recorder
from benchmarks.stage import Stage
from persistence.redis_link import RedisLink
from persistence.service import ServiceSettings, open_service

CALLS = 4_000
BATCH = 100
PREFIX = "cost:"
FLOOR_NAME = "benchmark_floor"
FLOOR = f"""#!lua name={FLOOR_NAME}
redis.register_function('{FLOOR_NAME}', function(keys, args)
  local read = redis.call('HMGET', keys[1], 'one', 'two', 'three')
  redis.call('HSET', keys[1], 'one', args[1], 'two', read[1] or args[2])
  redis.call('RPUSH', keys[2], args[3])
  return {{'OK', args[3], 1}}
end)
"""
_VALUE = '["template_01",1,"bag",7,false,false,false]'


class Cost(Struct, frozen=True):
    """Microseconds a call, one for each round: of a move by number of items, of the floor."""

    moves_us: dict[int, list[float]]
    floor_us: list[float]


async def measure(stage: Stage, rounds: int, seed: int) -> Cost:
    """Measure all in turn, ``rounds`` times; nobody else may use the Valkey meanwhile."""
    settings = ServiceSettings(stage.redis_url, stage.databases["paused"], key_prefix=PREFIX)
    cost = Cost({size: [] for size in stage.sized}, [])
    cycles = {
        size: cycle(moves.contended(inventory, random.Random(seed)))
        for size, inventory in stage.sized.items()
    }
    client: Any = redis.Redis.from_url(stage.redis_url)
    link = RedisLink(stage.redis_url)
    try:
        client.execute_command("FUNCTION", "LOAD", "REPLACE", FLOOR)
        async with open_service(settings, stage.ruleset, flushing=False) as orchestrator:
            for inventory in stage.sized.values():
                await orchestrator.load_session(inventory.char_id)
            recorder = Recorder(stage.ruleset, PREFIX, orchestrator.items.version)
            for number in range(rounds + 1):
                floor_us = await _timed(client, link, list(_floor()))
                costs = {
                    size: await _timed(client, link, await _moves(recorder, todo))
                    for size, todo in cycles.items()
                }
                # The first round warms caches up.
                if number:
                    cost.floor_us.append(floor_us)
                    for size, move_us in costs.items():
                        cost.moves_us[size].append(move_us)
    finally:
        await link.close()
        _forget(client)
    return cost


async def _timed(client: Any, link: RedisLink, commands: Sequence[Command]) -> float:  # noqa: ANN401
    client.execute_command("CONFIG", "RESETSTAT")
    for first in range(0, len(commands), BATCH):
        for reply in await link.send(commands[first : first + BATCH]):
            if isinstance(reply, Exception) or reply[0] != b"OK":
                raise RuntimeError(f"a call was not done: {reply}")
    stats = client.info("commandstats")["cmdstat_fcall"]
    assert stats["calls"] == len(commands), stats
    return float(stats["usec_per_call"])


async def _moves(recorder: Recorder, todo: Iterator[Move]) -> list[Command]:
    return [await recorder.command(move) for move in islice(todo, CALLS)]


def _floor() -> Iterator[Command]:
    entry = f'{{"seq":1,"commands":[],"changes":{{"changed":[{_VALUE},{_VALUE}],"removed":[]}}}}'.ljust(500)
    keys = f"{PREFIX}floor:hash", f"{PREFIX}floor:list"
    for number in range(CALLS):
        yield "FCALL", FLOOR_NAME, len(keys), *keys, f"{_VALUE}{number}", _VALUE, entry


def _forget(client: Any) -> None:  # noqa: ANN401
    keys = list(client.scan_iter(f"{PREFIX}*"))
    if keys:
        client.delete(*keys)
    client.execute_command("FUNCTION", "DELETE", FLOOR_NAME)
