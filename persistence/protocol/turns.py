"""Of one character, one flush at a time in this process.

Between processes the lease of a claim and the lock of a head see to it; here it would cost a round
trip in vain each time that a caller, the flusher's loop and an eviction mean the same character.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager


class Turns:
    """Who is being flushed."""

    def __init__(self) -> None:
        """Nobody is."""
        self._taken: dict[str, asyncio.Future[None]] = {}

    def free(self, char_ids: Iterable[str]) -> list[str]:
        """Those whose turn may begin at once, in their order."""
        return [char_id for char_id in char_ids if char_id not in self._taken]

    @asynccontextmanager
    async def of(self, char_ids: Sequence[str]) -> AsyncIterator[None]:
        """Wait until none of these is being flushed, and be the one that flushes them."""
        while others := {self._taken[char_id] for char_id in char_ids if char_id in self._taken}:
            await asyncio.wait(others)
        ended = asyncio.get_running_loop().create_future()
        self._taken.update(dict.fromkeys(char_ids, ended))
        try:
            yield
        finally:
            for char_id in char_ids:
                del self._taken[char_id]
            ended.set_result(None)
