"""``GET …/inventory/events``: server-sent events of what changes an inventory, one for each applied call."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

from gateway.handlers.event_stream import HEADERS, EventStream
from gateway.http.conditions import REQUEST_ID
from gateway.http.identity import IDENTITY
from gateway.http.problems import RETRY_AFTER, Problem, invalid
from gateway.http.requests import char_id, header, plain
from persistence.errors import CharacterNotFound
from persistence.events.position import Position
from persistence.orchestrator import InventoryOrchestrator

LAST_EVENT_ID: Final = "Last-Event-ID"
# Streams of one process, those on one character among them, and those of that character's tokens: a player
# must not keep services from following.
STREAMS_MAX: Final = 10_000
STREAMS_OF_A_CHARACTER_MAX: Final = 64
STREAMS_OF_A_PLAYER_MAX: Final = 16
SWEEP_S: Final = 1.0
# A stream ends after an hour or so: its client connects again, to another process perhaps, and the
# token is looked at anew.
LIFETIME_S: Final = 3600.0


class EventsGateway:
    """The handler of ``…/inventory/events``, and all of its open streams."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Follow by the feed of ``orchestrator``."""
        self._orchestrator = orchestrator
        self._open: set[EventStream] = set()
        self._of_characters: Counter[str] = Counter()
        self._of_players: Counter[str] = Counter()
        self._sweep_is_due = False
        self._stopping = False

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """A stream of events, from ``Last-Event-ID`` on or from the present.

        The session is neither loaded nor kept live by it. 404 for no such character; 429 where too
        many follow it already, 503 where too many follow at all.
        """
        plain(request)
        position = _position(request)
        char = char_id(request)
        if not await self._orchestrator.events.known(char):
            raise CharacterNotFound(char)
        if request.method == "HEAD":
            return web.StreamResponse(headers=HEADERS)
        identity = request.get(IDENTITY)
        is_player = identity is not None and identity.char_id is not None
        self._admit(char, is_player=is_player)
        stream = EventStream(
            request,
            self._orchestrator.events.follow(char, position),
            identity,
            lifetime_s=LIFETIME_S * random.uniform(0.8, 1),  # noqa: S311 - no secret
        )
        if request_id := request.headers.get(REQUEST_ID):
            # What is set when the handler has ended comes too late for this response.
            stream.response.headers[REQUEST_ID] = request_id
        with self._counted(stream, char, is_player=is_player):
            self._sweep_soon()
            # Whoever hangs up has seen enough, and whose character has gone is told so on coming back.
            with suppress(ConnectionError, CharacterNotFound):
                await stream.run()
        return stream.response

    @property
    def open(self) -> int:
        """How many streams there are."""
        return len(self._open)

    async def stop(self, _: web.Application) -> None:
        """End all streams; their clients connect again, elsewhere or later."""
        self._stopping = True
        for stream in self._open:
            stream.end()

    @contextmanager
    def _counted(self, stream: EventStream, char: str, *, is_player: bool) -> Iterator[None]:
        counters = [self._of_characters, self._of_players] if is_player else [self._of_characters]
        self._open.add(stream)
        for counter in counters:
            counter[char] += 1
        try:
            yield
        finally:
            self._open.discard(stream)
            for counter in counters:
                counter[char] -= 1
                if not counter[char]:
                    del counter[char]

    def _admit(self, char: str, *, is_player: bool) -> None:
        if len(self._open) >= STREAMS_MAX or self._too_many_follow(char, is_player=is_player):
            # Of those that are counted, some may have gone since the last look.
            self._look_through()
        if self._stopping:
            raise Problem("UNAVAILABLE", "The service is stopping.", headers=RETRY_AFTER)
        if len(self._open) >= STREAMS_MAX:
            raise Problem("UNAVAILABLE", "Too many streams of events are open.", headers=RETRY_AFTER)
        if self._too_many_follow(char, is_player=is_player):
            raise Problem(
                "RATE_LIMITED", "Too many streams of this character's events are open.", headers=RETRY_AFTER
            )

    def _too_many_follow(self, char: str, *, is_player: bool) -> bool:
        return self._of_characters[char] >= STREAMS_OF_A_CHARACTER_MAX or (
            is_player and self._of_players[char] >= STREAMS_OF_A_PLAYER_MAX
        )

    def _sweep_soon(self) -> None:
        if not self._sweep_is_due:
            self._sweep_is_due = True
            asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._sweep_is_due = False
        self._look_through()
        if self._open:
            self._sweep_soon()

    def _look_through(self) -> None:
        """One look at all streams costs less than a timer and a task for each."""
        now = asyncio.get_running_loop().time()
        for stream in self._open:
            stream.look_after(now)


def _position(request: web.Request) -> Position | None:
    """Where to go on; None to begin at the present, as an empty header says, too."""
    text = header(request, LAST_EVENT_ID)
    if not text:
        return None
    try:
        return Position.parse(text)
    except ValueError as error:
        raise invalid(LAST_EVENT_ID, str(error)) from None
