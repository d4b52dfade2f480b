"""A deterministic event loop: virtual time, and a seed that picks which ready callback runs next.

It has what asyncio's tasks, futures, locks, timeouts and sleeps ask of a loop, and nothing of
sockets or threads. A process of the simulation is a context variable: what runs in the context of
a process that has died is dropped, as if the power had gone.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

from persistence.errors import PersistenceError


class Process:
    """Something that may die; ``dead`` is looked at before each of its steps."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Handle:
    """A callback that is to run, unless it is cancelled or its process dies."""

    __slots__ = ("args", "callback", "cancelled_", "context", "when_")

    def __init__(self, callback: Any, args: Any, context: Context | None, when: float) -> None:
        self.callback, self.args, self.when_ = callback, args, when
        self.context = copy_context() if context is None else context
        self.cancelled_ = False

    def cancel(self) -> None:
        self.cancelled_ = True
        self.callback = self.args = None

    def cancelled(self) -> bool:
        return self.cancelled_

    def when(self) -> float:
        return self.when_


class Stuck(AssertionError):
    """Something goes round in circles without time moving on."""


STEPS_MAX = 200_000


class Loop(asyncio.AbstractEventLoop):
    """Runs callbacks one by one; ``time`` moves only when nothing is ready."""

    def __init__(self, rng: Random) -> None:
        self.now = 0.0
        self.steps = 0
        self.errors: list[str] = []
        self._random = rng.random
        self._ready: list[_Handle] = []
        self._timers: list[tuple[float, int, _Handle]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = _Handle(callback, args, context, self.now)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = _Handle(callback, args, context, when)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # What dead processes leave behind is never awaited; only errors that nobody foresaw count.
        if error is not None and not isinstance(error, asyncio.CancelledError | PersistenceError):
            self.errors.append(repr(error))

    def spawn(self, process: Process | None, coro: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task that belongs to a process."""
        context = copy_context()
        context.run(PROCESS.set, process)
        return asyncio.Task(coro, loop=self, context=context)

    def run(self, until: Callable[[], bool], *, limit: float) -> bool:
        """Run until the condition holds (True), nothing is left to do, or time has reached ``limit``."""
        asyncio._set_running_loop(self)
        try:
            return self._run(until, limit)
        finally:
            asyncio._set_running_loop(None)

    def _run(self, until: Callable[[], bool], limit: float) -> bool:
        ready, timers, random = self._ready, self._timers, self._random
        idle_steps = 0
        while True:
            if not ready:
                if until():
                    return True
                if not timers:
                    return False
                when = timers[0][0]
                if when > limit:
                    return False
                self.now, idle_steps = max(self.now, when), 0
                while timers and timers[0][0] <= when:
                    ready.append(heapq.heappop(timers)[2])
            if len(ready) > 1:
                index = int(random() * len(ready))
                ready[index], ready[-1] = ready[-1], ready[index]
            handle = ready.pop()
            if handle.cancelled_:
                continue
            process = handle.context.get(PROCESS)
            if process is not None and process.dead:
                continue
            self.steps += 1
            idle_steps += 1
            if idle_steps > STEPS_MAX:
                raise Stuck(f"{STEPS_MAX} steps at {self.now:.3f} s")
            handle.context.run(handle.callback, *handle.args)
