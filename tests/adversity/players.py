"""Players who go on whatever happens, and remember what they were told."""

import asyncio
import time
from dataclasses import dataclass
from typing import Self

from persistence.errors import OutcomeUnknown, PersistenceError
from persistence.orchestrator import InventoryOrchestrator
from tests.adversity.site import play, until
from tests.service.play import grant


@dataclass(frozen=True)
class Acknowledged:
    """A call that was answered: under which id it was made, at which seq, when it was begun and ended."""

    request_id: str
    char_id: str
    seq: int
    durable: bool
    begun: float
    ended: float


class Players:
    """One a character, who grants gold by ones, every ``durable_every``-th time durably."""

    def __init__(
        self, gateway: InventoryOrchestrator, characters: list[str], *, durable_every: int = 10
    ) -> None:
        self._gateway, self._durable_every = gateway, durable_every
        self.acknowledged: dict[tuple[str, str], Acknowledged] = {}
        self.refused: list[str] = []
        self.unknown = 0
        self._playing = True
        self._tasks = [asyncio.create_task(self._play(char_id)) for char_id in characters]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """However the test ends, nobody plays on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=5)

    async def more(self, count: int = 60) -> None:
        """Wait for so many more acknowledgements."""
        wanted = len(self.acknowledged) + count
        await until(
            lambda: len(self.acknowledged) >= wanted or any(task.done() for task in self._tasks), "play"
        )
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        self._playing = False
        await asyncio.gather(*self._tasks)

    async def _play(self, char_id: str) -> None:
        number = 0
        while self._playing:
            number += 1
            durable = self._durable_every > 0 and number % self._durable_every == 0
            request_id, begun = f"{char_id}-{number}", time.monotonic()
            try:
                reply = await play(
                    self._gateway, grant("gold"), char_id=char_id, request_id=request_id, durable=durable
                )
            except OutcomeUnknown:
                self.unknown += 1
            except PersistenceError:
                self.refused.append(request_id)
                await asyncio.sleep(0.005)
            else:
                told = Acknowledged(request_id, char_id, reply["seq"], durable, begun, time.monotonic())
                key = (char_id, reply["tag"])
                assert self.acknowledged.setdefault(key, told) is told, f"one tag for two calls: {key}"

    async def lost(self, gateway: InventoryOrchestrator | None = None) -> list[Acknowledged]:
        """What was acknowledged and is not in the ledger, where all must have been flushed to.

        Durable acknowledgements are never among them, nor is in the ledger what was refused, or
        anything twice.
        """
        async with (gateway or self._gateway).store.database.connection() as connection:
            rows = await connection.fetch("SELECT char_id::text, seq, request_id FROM journal")
        stored = {(row["char_id"], row["seq"]): row["request_id"] for row in rows}
        calls = set(stored.values())
        assert len(calls) == len(stored), "a call was applied twice"
        assert not calls & set(self.refused), "it was said that nothing was done"
        lost = [
            told
            for told in self.acknowledged.values()
            if stored.get((told.char_id, told.seq)) != told.request_id
        ]
        assert not any(told.durable for told in lost), "acknowledged as durable, and lost"
        return lost
