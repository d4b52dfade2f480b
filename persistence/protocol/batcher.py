"""Natural batching: what is asked for while batches are under way makes the next one.

Nobody waits for company: a call that comes alone is a batch of one and begins at once. The more are
asked for at a time, the larger batches get, and the less each call costs.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from persistence.errors import PersistenceError, Unavailable

Answer = TypeVar("Answer")

# So many answers are given in one turn of the event loop: what each caller does with its own must not
# keep everybody else waiting for as long as the whole batch does it.
ANSWERS_A_TURN = 4


class Batcher(Generic[Answer]):
    """Collects calls into batches of different keys, a bounded number of them at a time."""

    def __init__(
        self,
        act: Callable[[Sequence[str]], Awaitable[Mapping[str, Answer | PersistenceError]]],
        *,
        size: int,
        in_flight: int,
    ) -> None:
        """``act`` does up to ``size`` keys and says of each what came of it: an answer, or its own error.

        What it raises is the whole batch's: ``Unavailable`` is told to all, and after any other error
        the halves are tried by themselves, so that one key that cannot be done fails alone.
        """
        self._act = act
        self._size = size
        self._in_flight = in_flight
        self._waiting: deque[tuple[str, asyncio.Future[Answer]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def ask(self, key: str) -> Answer:
        """The answer for ``key``, one of its own however often the key is asked for; raises as ``act``."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if len(self._workers) < self._in_flight:
            # It begins with the next turn of the loop, when all who ask in this one have asked.
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return await future

    async def _work(self) -> None:
        while batch := self._next():
            try:
                await self._do(batch)
            finally:
                for future in batch.values():
                    # Nobody is left waiting, also where the process is being stopped.
                    future.cancel()

    def _next(self) -> dict[str, asyncio.Future[Answer]]:
        """Those who have waited longest, without those who have gone away; a key twice is for later."""
        batch: dict[str, asyncio.Future[Answer]] = {}
        later = []
        while self._waiting and len(batch) < self._size:
            key, future = self._waiting.popleft()
            if key in batch:
                later.append((key, future))
            elif not future.done():
                batch[key] = future
        self._waiting.extendleft(reversed(later))
        return batch

    async def _do(self, batch: Mapping[str, asyncio.Future[Answer]]) -> None:
        keys = list(batch)
        try:
            answers = await self._act(keys)
        except Exception as error:
            if len(keys) > 1 and not isinstance(error, Unavailable):
                half = len(keys) // 2
                for part in (keys[:half], keys[half:]):
                    await self._do({key: batch[key] for key in part})
                return
            for future in batch.values():
                _answer(future, error)
            return
        for number, key in enumerate(keys, 1):
            _answer(batch[key], answers[key])
            if number % ANSWERS_A_TURN == 0:
                await asyncio.sleep(0)


def _answer(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
