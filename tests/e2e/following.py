"""A client of server-sent events that is cut off again and again, in the midst of events too."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import aiohttp

RETRY_S = 0.02


@dataclass
class Event:
    """One event, as a client dispatches it."""

    id: str
    name: str
    data: dict[str, Any]


class Parser:
    """Lines to events (WHATWG HTML, 9.2.6): what is not ended by an empty line is not an event."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, data: bytes) -> list[Event]:
        events = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line:
                name, _, value = line.decode().partition(":")
                if name:
                    self._fields[name] = value.removeprefix(" ")
                continue
            fields, self._fields = self._fields, {}
            if "data" in fields:
                events.append(Event(fields["id"], fields["event"], json.loads(fields["data"])))
        return events


@dataclass
class Subscriber:
    """Follows a character; ``told`` are all events, in the order in which they came."""

    char_id: str
    last_id: str = ""
    told: list[Event] = field(default_factory=list)
    cut_off: int = 0
    refused: int = 0

    @property
    def seqs(self) -> list[int]:
        return [event.data["seq"] for event in self.told if event.name == "change"]

    @property
    def resets(self) -> list[Event]:
        return [event for event in self.told if event.name == "reset"]

    async def follow(self, http: aiohttp.ClientSession, chance: random.Random, cuts: int) -> None:
        """Until it is cancelled; so many connections are cut off after some bytes."""
        while True:
            try:
                await self._once(http, chance.randrange(20, 2_000) if self.cut_off < cuts else 1 << 40)
            except (aiohttp.ClientError, ConnectionError):
                self.refused += 1
                await asyncio.sleep(RETRY_S)

    async def _once(self, http: aiohttp.ClientSession, room: int) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        parser = Parser()
        path = f"/v1/characters/{self.char_id}/inventory/events"
        async with http.get(path, headers=headers) as response:
            assert response.status in (200, 503), await response.text()
            if response.status == 503:
                raise aiohttp.ClientError
            assert response.content_type == "text/event-stream"
            async for data in response.content.iter_any():
                # What lies beyond is lost with the connection, perhaps from the middle of an event on.
                for event in parser.feed(data[:room]):
                    self.told.append(event)
                    self.last_id = event.id
                room -= len(data)
                if room <= 0:
                    self.cut_off += 1
                    response.close()
                    return
