"""One who follows a character's changes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from persistence.errors import CharacterNotFound
from persistence.events.judging import BEGAN, Step
from persistence.events.position import Event, Position

# Of a time of the loop's clock.
NEVER: Final = float("-inf")


class Wanted(Struct, frozen=True):
    """After which position a follower goes on; None: it is to be told the present, for ``reason``."""

    position: Position | None
    reason: str = ""


class Follower:
    """Made by ``EventFeed.follow``; ``wanted`` is what it is told next."""

    def __init__(
        self,
        char_id: str,
        position: Position | None,
        expect: "Callable[[Follower], None]",
        forget: "Callable[[Follower], None]",
    ) -> None:
        """``expect`` has it looked for, ``forget`` no more."""
        self.char_id = char_id
        self.wanted = Wanted(position, "" if position is not None else BEGAN)
        # When PostgreSQL was last asked for it.
        self.stored_at = NEVER
        self._expect = expect
        self._forget = forget
        self._told: asyncio.Future[Sequence[Event]] | None = None

    @property
    def waits(self) -> bool:
        """Whether it is to be looked for."""
        return self._told is not None and not self._told.done()

    async def next(self) -> Sequence[Event]:
        """Wait for what comes next; nothing where it was interrupted. For one caller at a time.

        Raises ``CharacterNotFound`` once there is no such character any more.
        """
        self._told = asyncio.get_running_loop().create_future()
        self._expect(self)
        try:
            return await self._told
        finally:
            self._forget(self)

    def interrupt(self) -> None:
        """Have ``next`` answer now, if it waits."""
        if self._told is not None and not self._told.done():
            self._told.set_result(())

    def take(self, step: Step) -> None:
        """Go a step on."""
        if step.lost:
            self.wanted, self.stored_at = Wanted(None, step.lost), NEVER
        elif step.position is not None and self.waits:
            self.wanted = Wanted(step.position)
        if step.events and self._told is not None and not self._told.done():
            self._told.set_result(step.events)
            self.stored_at = NEVER

    def end(self) -> None:
        """There is no such character any more."""
        if self._told is not None and not self._told.done():
            self._told.set_exception(CharacterNotFound(self.char_id))
