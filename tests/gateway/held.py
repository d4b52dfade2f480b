"""A stand-in whose calls are answered when the test says so: what waits for what becomes visible."""

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.commands import Command
from engine.refusals import Refusal
from persistence.errors import SessionNotLive
from persistence.link.submitted import Answer, Submitted
from persistence.records import Call, SessionState, TagMismatch
from tests.gateway.standin import StandIn


class Asked:
    """One call that was handed in and waits for its answer."""

    def __init__(self, char_id: str, commands: tuple[Command, ...], call: Call) -> None:
        self.char_id, self.commands, self.call = char_id, commands, call
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(self, answer: Answer | Exception) -> None:
        if isinstance(answer, Exception):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer if isinstance(answer, Refusal | TagMismatch) else [b"OK", answer])


class HeldStandIn(StandIn):
    """``asked`` has the calls in the order in which they were handed in, ``loading`` the loads.

    ``quick`` False makes every call one that begins when it is awaited; ``instant`` answers each as it
    comes; a call of a character in ``not_live_ids`` finds no session until the character is loaded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.loading: dict[str, asyncio.Future[None]] = {}
        self.loads_are_held = False
        self.loads_at_once = 0
        self.quick = True
        self.instant: bytes | None = None
        self.not_live_ids: set[str] = set()

    def submit(self, char_id: str, commands: Sequence[Command], call: Call) -> Submitted:
        if isinstance(self.answer, Exception):
            raise self.answer

        async def rest(reply: Any) -> Answer:
            if reply is not None:
                return reply
            return (await self._ask(char_id, commands, call))[1]

        if not self.quick:
            return Submitted(None, rest)
        return Submitted(self._ask(char_id, commands, call), rest)

    def _ask(self, char_id: str, commands: Sequence[Command], call: Call) -> asyncio.Future[Any]:
        asked = Asked(char_id, tuple(commands), call)
        if char_id in self.not_live_ids:
            asked.answer(SessionNotLive("absent"))
        else:
            self.asked.append(asked)
            if self.instant is not None:
                asked.answer(self.instant)
        return asked.future

    async def load_session(self, char_id: str) -> tuple[SessionState, bool]:
        self.loaded.append(char_id)
        if self.loads_are_held:
            self.loading[char_id] = asyncio.get_running_loop().create_future()
            self.loads_at_once = max(self.loads_at_once, len(self.loading))
            try:
                await self.loading[char_id]
            finally:
                del self.loading[char_id]
        if self.load_error is not None:
            raise self.load_error
        self.not_live_ids.discard(char_id)
        return SessionState(char_id, True, 7, 7, 2), True

    async def until_asked(self, count: int) -> None:
        """Wait until so many calls were handed in."""
        async with asyncio.timeout(30):
            while len(self.asked) < count:
                await asyncio.sleep(0.001)
