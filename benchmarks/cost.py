"""What a move costs the server, against the number of items and against the least that a call can do.

The figures are Valkey's own (``INFO commandstats``, of ``fcall``): wall time inside the command, without
reading, parsing, replying or the append-only file. Calls are written down first and sent a hundred at
a time, so that the server is never waiting between two of them; what is compared takes turns.
"""

import random
import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import redis
from msgspec import Struct

from benchmarks import moves
from benchmarks.moves import Move
from benchmarks.recorder import Command, Recorder
from benchmarks.stage import Stage
from benchmarks.stats import undisturbed
from persistence.link.redis_link import RedisLink
from persistence.service import ServiceSettings, open_service

BATCHES = 40
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
_STATS = re.compile(rb"cmdstat_fcall:calls=(\d+),usec=(\d+)")
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
                floors_us: list[float] = []
                moves_us: dict[int, list[float]] = {size: [] for size in cycles}
                for _ in range(BATCHES):
                    floors_us.append(await timed(link, list(_floor())))
                    for size, todo in cycles.items():
                        moves_us[size].append(await timed(link, await _moves(recorder, todo)))
                # The first round warms caches up.
                if number:
                    cost.floor_us.append(undisturbed(floors_us))
                    for size, of_batches in moves_us.items():
                        cost.moves_us[size].append(undisturbed(of_batches))
    finally:
        await link.close()
        _forget(client)
    return cost


async def timed(link: RedisLink, calls: Sequence[Command]) -> float:
    """Microseconds of a call inside the server; raises ``RuntimeError`` if one was not done."""
    _, *replies, stats = await link.send([("CONFIG", "RESETSTAT"), *calls, ("INFO", "commandstats")])
    for reply in replies:
        if isinstance(reply, Exception) or reply[0] != b"OK":
            raise RuntimeError(f"a call was not done: {reply}")
    found = _STATS.search(stats)
    assert found is not None and int(found[1]) == len(calls), stats
    return int(found[2]) / len(calls)


async def _moves(recorder: Recorder, todo: Iterator[Move]) -> list[Command]:
    return [await recorder.command(move) for move in islice(todo, BATCH)]


def _floor() -> Iterator[Command]:
    entry = f'{{"seq":1,"commands":[],"changes":{{"changed":[{_VALUE},{_VALUE}],"removed":[]}}}}'.ljust(500)
    keys = f"{PREFIX}floor:hash", f"{PREFIX}floor:list"
    for number in range(BATCH):
        yield "FCALL", FLOOR_NAME, len(keys), *keys, f"{_VALUE}{number}", _VALUE, entry


def _forget(client: Any) -> None:  # noqa: ANN401
    keys = list(client.scan_iter(f"{PREFIX}*"))
    if keys:
        client.delete(*keys)
    client.execute_command("FUNCTION", "DELETE", FLOOR_NAME)
