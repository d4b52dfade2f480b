"""Callers who share one link, and whose calls can be told apart by their replies and by what they did."""

import asyncio
import itertools
import random
from types import TracebackType
from typing import Any, Self

import redis

from persistence.errors import OutcomeUnknown, Unavailable
from persistence.link.redis_link import RedisLink
from tests.adversity.site import until

# Counts that it was done, and says whose it was.
DO = "redis.call('INCR', KEYS[1]) return ARGV[1]"
KINDS = 4


class Callers:
    """So many at a time, from entering the context until ``stop``; a reply that is not theirs fails them."""

    def __init__(self, link: RedisLink, count: int = 200, *, seed: int = 0, cancelling: float = 0.0) -> None:
        """``cancelling``: the part of the calls that their callers give up somewhere on the way."""
        self._link, self._count, self._cancelling = link, count, cancelling
        self._rng = random.Random(seed)
        self._numbers = itertools.count()
        self.answered: list[int] = []
        self.unavailable: list[int] = []
        self.unknown: list[int] = []
        self.cancelled: list[int] = []
        self.slowest_s = 0.0
        self.words: set[str] = set()
        self._playing = True
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._play()) for _ in range(self._count)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=5)

    async def more(self, count: int) -> None:
        """Wait for so many more answers."""
        wanted = len(self.answered) + count
        await until(lambda: len(self.answered) >= wanted or self._failed(), "answers")
        for task in self._failed():
            task.result()

    async def stop(self) -> None:
        """Wait until every call that is under way has come to its end."""
        self._playing = False
        async with asyncio.timeout(30):
            await asyncio.gather(*self._tasks)

    def check(self, client: redis.Redis) -> None:
        """What was answered was done once, what was unavailable never, and nothing was done twice."""
        done = self._done(client)
        assert [number for number in self.answered if done[number] != 1] == [], "answered, and not done once"
        assert [number for number in self.unavailable if done[number]] == [], "unavailable, and done"
        assert max(done.values()) <= 1, "done twice"
        told = [*self.answered, *self.unavailable, *self.unknown, *self.cancelled]
        assert sorted(told) == sorted(done), "one end for each call"

    def _done(self, client: redis.Redis) -> dict[int, int]:
        """How often each call was done; one that only asks counts as done when it was answered."""
        numbers = range(next(self._numbers))
        values: Any = client.mget([key_of(number) for number in numbers])
        asked = {number for number in self.answered if number % KINDS == KINDS - 1}
        return {
            number: 1 if number in asked else int(value or 0)
            for number, value in zip(numbers, values, strict=True)
        }

    def _failed(self) -> list[asyncio.Task[None]]:
        return [task for task in self._tasks if task.done()]

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        while self._playing:
            number = next(self._numbers)
            begun = loop.time()
            cancel_after = self._rng.choice((0, 1, 2, 3, 8)) if self._rng.random() < self._cancelling else -1
            try:
                if cancel_after < 0:
                    assert await call(self._link, number) == str(number).encode(), "another's reply"
                else:
                    await self._give_up(number, cancel_after)
            except Unavailable as error:
                self.unavailable.append(number)
                self.words.add(str(error))
                # As a program would that has something else to do.
                await asyncio.sleep(0.002)
            except OutcomeUnknown as error:
                self.unknown.append(number)
                self.words.add(str(error))
            else:
                (self.answered if cancel_after < 0 else self.cancelled).append(number)
            self.slowest_s = max(self.slowest_s, loop.time() - begun)

    async def _give_up(self, number: int, turns: int) -> None:
        """Cancel a call before it begins, before it is written, while it is under way, or too late."""
        task = asyncio.create_task(call(self._link, number))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


def key_of(number: int) -> str:
    return f"call:{number}"


async def call(link: RedisLink, number: int) -> Any:
    """One of four kinds of calls, by its number; returns what tells whose reply it is."""
    kind, key = number % KINDS, key_of(number)
    if kind == 0:
        return await link.call("EVAL", DO, 1, key, number)
    if kind == 1:
        count, echo = await link.send([("INCR", key), ("ECHO", number)])
        assert count == 1, "another's reply, or done twice"
        return echo
    if kind == 2:
        *queued, replies = await link.send([("MULTI",), ("INCR", key), ("ECHO", number), ("EXEC",)])
        assert queued == [b"OK", b"QUEUED", b"QUEUED"], "another's replies"
        if isinstance(replies, Exception):
            raise replies
        return replies[1]
    return await link.call("ECHO", number, harmless=True)
