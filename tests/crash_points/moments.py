"""What a process that is to die meets on its way: it counts the moments, and at one of them it is killed."""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from types import TracebackType
from typing import Any

# (point, moment)
Moment = tuple[str, str]


class Fate:
    """Which moment ends this process; before ``begin`` none counts."""

    def __init__(self) -> None:
        self.acting = False
        self.doom: Moment | None = None
        self.nth = 1
        self.met: Counter[Moment] = Counter()

    def begin(self) -> None:
        self.acting = True


fate = Fate()


def reached(point: str, moment: str) -> None:
    if not fate.acting:
        return
    met = (point, moment)
    fate.met[met] += 1
    if met == fate.doom and fate.met[met] == fate.nth:
        # Not caught, not delayed, nothing is tidied up: the kernel closes the connections.
        os.kill(os.getpid(), signal.SIGKILL)


async def awaited(point: str, awaitable: Awaitable[Any]) -> Any:
    reached(point, "before")
    result = await awaitable
    reached(point, "after")
    return result


class entered:  # noqa: N801 - stands where a function would
    """A context manager whose doors are watched; one that is left by an exception is not "left"."""

    def __init__(self, point: str, manager: Any) -> None:
        self._point = point
        self._manager = manager

    async def __aenter__(self) -> Any:
        reached(self._point, "entering")
        value = await self._manager.__aenter__()
        reached(self._point, "entered")
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        if kind is None:
            reached(self._point, "leaving")
        result = await self._manager.__aexit__(kind, error, trace)
        if kind is None:
            reached(self._point, "left")
        return result


async def stepped(point: str, iterable: AsyncIterable[Any]) -> AsyncIterator[Any]:
    iterator = aiter(iterable)
    while True:
        reached(point, "before")
        try:
            value = await anext(iterator)
        except StopAsyncIteration:
            return
        reached(point, "after")
        yield value
