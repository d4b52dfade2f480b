"""How far the operations of one character may run ahead of the oldest that is not yet answered.

The service remembers 64 operations of a character. A repeat that came after 64 others would be done
once more. So here no operation begins before the one 32 before it has ended, with all its repeats;
the other half is left to whoever else changes the character at the same time.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from haversack_client.errors import NotReached

WINDOW: Final = 32


class _Window:
    """The operations of one character: those under way, by number with how many they are, and who waits."""

    __slots__ = ("begun", "under_way", "waiting")

    def __init__(self) -> None:
        self.begun = 0
        self.under_way: dict[int, int] = {}
        self.waiting: deque[tuple[int, asyncio.Future[int]]] = deque()

    def has_room(self, count: int, size: int) -> bool:
        oldest = next(iter(self.under_way), self.begun)
        return self.begun + count - oldest <= size

    def begin(self, count: int) -> int:
        number = self.begun
        self.begun += count
        self.under_way[number] = count
        return number


class Windows:
    """The windows of all characters; whoever came first goes first."""

    def __init__(self, size: int = WINDOW) -> None:
        """``size`` 1: one operation of a character after the other."""
        self._size = size
        self._windows: dict[str, _Window] = {}

    @asynccontextmanager
    async def place(self, char_id: str, ends: float, count: int = 1) -> AsyncIterator[None]:
        """Hold places for ``count`` operations; ``NotReached`` when there are none until ``ends``."""
        number = await self._enter(char_id, ends, count)
        try:
            yield
        finally:
            self._leave(char_id, number)

    @asynccontextmanager
    async def places(self, counts: Mapping[str, int], ends: float) -> AsyncIterator[None]:
        """Hold places of many characters, taken in one order by all, so that none waits in a circle."""
        async with AsyncExitStack() as stack:
            for char_id in sorted(counts):
                await stack.enter_async_context(self.place(char_id, ends, counts[char_id]))
            yield

    async def _enter(self, char_id: str, ends: float, count: int) -> int:
        window = self._windows.get(char_id)
        if window is None:
            window = self._windows[char_id] = _Window()
        if not window.waiting and window.has_room(count, self._size):
            return window.begin(count)
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        window.waiting.append((count, turn))
        try:
            async with asyncio.timeout_at(ends):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(char_id, turn.result())
            else:
                with suppress(ValueError):
                    window.waiting.remove((count, turn))
                self._let_in(char_id, window)
            if isinstance(error, TimeoutError):
                raise NotReached("earlier operations of the character took all the time") from None
            raise

    def _leave(self, char_id: str, number: int) -> None:
        window = self._windows[char_id]
        del window.under_way[number]
        self._let_in(char_id, window)

    def _let_in(self, char_id: str, window: _Window) -> None:
        while window.waiting and window.has_room(window.waiting[0][0], self._size):
            count, turn = window.waiting.popleft()
            if not turn.cancelled():
                turn.set_result(window.begin(count))
        if not window.under_way and not window.waiting and self._windows.get(char_id) is window:
            del self._windows[char_id]
