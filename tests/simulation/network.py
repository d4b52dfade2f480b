"""The scripted network: what may happen to a message on its way to Redis or PostgreSQL.

A message may come late, never, twice where it is ``harmless``, or be answered in vain; a transaction may hold
its locks for a while, and be committed without its client hearing of it, or after it gave up.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from random import Random
from typing import Any

from msgspec import Struct

from persistence.errors import FlushRejected, OutcomeUnknown, PersistenceError, Unavailable
from persistence.link.redis_link import Argument
from tests.simulation.loop import Loop
from tests.simulation.postgres_model import PostgresModel
from tests.simulation.redis_model import RedisModel


class Weather(Struct, frozen=True):
    """How often what happens, of all messages; ``slow_s`` is how late a late one may be."""

    refused: float = 0.0
    lost: float = 0.0
    reply_lost: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    slow: float = 0.0
    torn: float = 0.0
    slow_s: float = 2.0
    held_s: float = 0.0


class Network:
    """Carries messages in virtual time; ``weather`` may change at any moment."""

    def __init__(
        self, loop: Loop, redis: RedisModel, postgres: PostgresModel, rng: Random, watcher: Any
    ) -> None:
        self.loop, self.redis, self.postgres = loop, redis, postgres
        self.redis_weather, self.postgres_weather = Weather(), Weather()
        self.postgres_up = True
        self.watcher = watcher
        self._random = rng.random
        # Until then there may be messages that nobody waits for any more.
        self.late_until = 0.0
        # Messages arrive whatever becomes of who sent them.
        self._context = Context()

    def delay_s(self, weather: Weather) -> float:
        draw = self._random()
        if draw < weather.slow:
            return weather.slow_s * self._random() ** 3
        return 0.0002 + 0.002 * draw

    def after(self, delay_s: float, act: Callable[[], object]) -> None:
        """Let something happen later, of which no process is the owner."""
        self.loop.call_at(self.loop.now + delay_s, act, context=self._context)

    def long_after(self, delay_s: float, act: Callable[[], object]) -> None:
        """The same, for what nobody waits for."""
        self.late_until = max(self.late_until, self.loop.now + delay_s)
        self.after(delay_s, act)

    def fate(self, weather: Weather, *, repeatable: bool) -> str:
        draw = self._random()
        for name in ("refused", "lost", "reply_lost", "late", "twice"):
            draw -= getattr(weather, name)
            if draw < 0:
                return "reply_lost" if name == "twice" and not repeatable else name
        return ""

    def exchange(self, commands: Sequence[Sequence[Argument]], *, harmless: bool) -> asyncio.Future[Any]:
        """The replies to come, as ``RedisLink.send`` has them."""
        weather, loop = self.redis_weather, self.loop
        fate = self.fate(weather, repeatable=harmless)
        future = loop.create_future()
        if fate == "refused" or not self.redis.up:
            self.watcher.lost("redis", "refused", commands)
            future.set_exception(Unavailable("Redis: refused"))
            return future
        way = self.delay_s(weather)
        failed = Unavailable("Redis: lost") if harmless else OutcomeUnknown("Redis: lost")
        if fate == "late":
            self.after(way * 0.5, lambda: _fail(future, failed))
            self.long_after(weather.slow_s * self._random(), lambda: self._run(commands, fate))
        elif fate == "lost":
            self.watcher.lost("redis", fate, commands)
            self.after(way, lambda: _fail(future, failed))
        else:
            back = self.delay_s(weather) if self._random() < 0.5 else 0.0
            torn = len(commands) > 1 and self._random() < weather.torn and commands[0][0] != "MULTI"
            self.after(
                way,
                lambda: self._arrive(commands, future, back, None if fate != "reply_lost" else failed, torn),
            )
            if fate == "twice":
                self.long_after(way + weather.slow_s * self._random(), lambda: self._run(commands, fate))
        return future

    def _run(self, commands: Sequence[Sequence[Argument]], note: str = "") -> list[Any] | None:
        """Have commands executed; None when no server is there."""
        redis = self.redis
        if not redis.up:
            return None
        redis.now_us = int(self.loop.now * 1_000_000)
        return self.watcher.execute(commands, note)

    def _arrive(
        self,
        commands: Sequence[Sequence[Argument]],
        future: Any,
        back: float,
        failed: PersistenceError | None,
        torn: bool,
    ) -> None:
        if torn:
            # A pipeline is no transaction: others come in between.
            self._run_torn(list(commands), [], future, failed)
            return
        replies = self._run(commands, "reply lost" if failed else "")
        if replies is None:
            _fail(future, failed or OutcomeUnknown("Redis: gone"))
        elif failed is not None:
            _fail(future, failed)
        elif back:
            self.after(back, lambda: _succeed(future, replies))
        else:
            _succeed(future, replies)

    def _run_torn(self, left: list[Any], replies: list[Any], future: Any, failed: Any) -> None:
        answer = self._run([left.pop(0)], "pipeline")
        if answer is None:
            _fail(future, Unavailable("Redis: gone"))
            return
        replies += answer
        if left:
            self.after(
                self.delay_s(self.redis_weather), lambda: self._run_torn(left, replies, future, failed)
            )
        elif failed is not None:
            _fail(future, failed)
        else:
            _succeed(future, replies)

    async def transact(
        self, name: str, begin: Callable[[], Any], wants: Callable[[], bool] | None = None
    ) -> Any:
        """A transaction: ``begin`` answers (result, commit, roll_back); ``wants``: a lock it waits for."""
        weather, loop = self.postgres_weather, self.loop
        fate = self.fate(weather, repeatable=False)
        if fate == "refused" or not self.postgres_up:
            self.watcher.lost("postgres", "refused", name)
            raise Unavailable("PostgreSQL: refused")
        future = loop.create_future()
        self.after(self.delay_s(weather), lambda: self._begin(name, begin, wants, future, fate))
        return await future

    def _begin(self, name: str, begin: Any, wants: Any, future: Any, fate: str) -> None:
        weather = self.postgres_weather
        if not self.postgres_up:
            _fail(future, Unavailable("PostgreSQL: gone"))
            return
        if wants is not None and wants():
            self.after(0.002, lambda: self._begin(name, begin, wants, future, fate))
            return
        try:
            result, commit, roll_back = begin()
        except PersistenceError as error:
            _fail(future, error)
            return
        held = weather.held_s * self._random() ** 2 if weather.held_s else 0.0
        if fate == "lost":
            self.watcher.lost("postgres", fate, name)
            _fail(future, Unavailable("PostgreSQL: lost before COMMIT"))
            self._later(held, roll_back)
        elif fate == "late":
            _fail(future, OutcomeUnknown("PostgreSQL: COMMIT was not answered in time"))
            held = max(held, weather.slow_s * self._random())
            self._later(held, lambda: self._commit(name, commit, roll_back, None, ""))
        else:
            self._later(
                held, lambda: self._commit(name, lambda: (commit(), result)[1], roll_back, future, fate)
            )

    def _later(self, delay_s: float, act: Callable[[], object]) -> None:
        if delay_s:
            self.long_after(delay_s, act)
        else:
            act()

    def _commit(self, name: str, commit: Any, roll_back: Any, future: Any, fate: str) -> None:
        if not self.postgres_up:
            roll_back()
            if future is not None:
                _fail(future, OutcomeUnknown("PostgreSQL: gone before it answered COMMIT"))
            return
        try:
            result = commit()
        except FlushRejected as error:
            if future is not None:
                _fail(future, error)
            return
        self.watcher.committed(name, fate or ("" if future is not None else "late"))
        if fate == "reply_lost":
            _fail(future, OutcomeUnknown("PostgreSQL: COMMIT's reply was lost"))
        elif future is not None:
            self._later(self.delay_s(self.postgres_weather), lambda: _succeed(future, result))


def _succeed(future: Any, value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: Any, error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()
