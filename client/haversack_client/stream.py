"""A stream: commands for many characters over one connection, thousands under way at a time."""

import asyncio
import itertools
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self, Unpack
from uuid import UUID

from haversack_client.bounds import normal_char_id
from haversack_client.caller import Caller
from haversack_client.commands import Command
from haversack_client.conditions import Conditions, terms_of
from haversack_client.errors import NoAnswer, NotReached
from haversack_client.inventory import Reply
from haversack_client.repeating import until_answered
from haversack_client.requests import StreamRequest
from haversack_client.stream_codec import Language, StreamCodec
from haversack_client.stream_line import Line, Waiting
from haversack_client.windows import Windows

# With as many unanswered the service reads no further, not even the answer to its ping.
IN_FLIGHT_MAX: Final = 999


class Stream:
    """An open stream; made by ``Haversack.stream``.

    What is asked for at the same moment goes out in one frame. Requests of one character are carried
    out in the order in which they were asked for, each begun when the one before it has its answer;
    those of different characters run beside each other. When the connection breaks, what is unanswered
    is sent again over the next one, under the same keys.
    """

    def __init__(self, caller: Caller, *, language: Language, in_flight_max: int, heartbeat_s: float) -> None:
        """``in_flight_max``: so many requests are unanswered at a time, further ones wait."""
        if not 1 <= in_flight_max <= IN_FLIGHT_MAX:
            raise ValueError(f"in_flight_max: expected 1 to {IN_FLIGHT_MAX}, got {in_flight_max}")
        self._caller = caller
        self._codec = StreamCodec(language)
        self._line = Line(caller, self._codec, heartbeat_s)
        self._room = asyncio.Semaphore(in_flight_max)
        self._lanes = Windows(1)
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        await self._line.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    @property
    def connections(self) -> int:
        """How many connections there have been; more than one where the first broke off."""
        return self._line.connections

    async def execute(
        self, char_id: str | UUID, commands: Iterable[Command], **conditions: Unpack[Conditions]
    ) -> Reply:
        """Commands in order, all or nothing. Raises what ``CharacterHandle.execute`` raises."""
        char_id = normal_char_id(char_id)
        terms = terms_of(conditions)
        number = next(self._numbers)
        text = self._codec.request(
            StreamRequest(
                id=number,
                char_id=char_id,
                commands=tuple(commands),
                idempotency_key=terms.key,
                if_match=terms.if_match,
                durability="durable" if terms.durable else None,
                request_id=terms.request_id,
            )
        )
        ends = self._caller.timing.ends(terms.timeout_s)

        async def attempt(left_s: float) -> Reply:
            return await self._attempt(Waiting(number, text, repeats=terms.repeats), left_s)

        async with self._lanes.place(char_id, ends), self._caller.windows.place(char_id, ends):
            return await until_answered(
                attempt, self._caller.timing, ends, repeats=terms.repeats, changes=True, key=terms.key
            )

    async def _attempt(self, waiting: Waiting, left_s: float) -> Reply:
        try:
            async with asyncio.timeout(max(left_s, 0.0)), self._room:
                return await self._line.answer(waiting)
        except TimeoutError:
            if waiting.sent:
                raise NoAnswer("no answer in time") from self._line.trouble
            raise NotReached("no connection in time") from self._line.trouble
