"""The client of a Haversack service."""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote
from uuid import UUID, uuid4

from haversack_client.bounds import normal_char_id
from haversack_client.bulk import Bulk, Result
from haversack_client.caller import Caller
from haversack_client.catalog import Catalog, Template, TemplatePage
from haversack_client.character import CharacterHandle
from haversack_client.characters import Character, CharacterPage
from haversack_client.commands import NewActor
from haversack_client.creation import Creation
from haversack_client.repeating import Timing
from haversack_client.requests import Request
from haversack_client.stream import Stream
from haversack_client.stream_codec import Language
from haversack_client.transport import Token, Transport, as_query
from haversack_client.version import VERSION

BODIES_AT_ONCE: Final = 4


class Haversack:
    """A service. One client for a whole program: it shares its connections among all calls.

    async with Haversack("https://inventory.example", token) as client:
        hero = client.character(char_id)
        await hero.grant("iron_sword")
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        timeout_s: float = 30.0,
        attempt_timeout_s: float = 10.0,
        connections: int = 100,
        tls: ssl.SSLContext | None = None,
        user_agent: str = f"haversack-client/{VERSION}",
    ) -> None:
        """``token``: the bearer token, or a function that gives the one of now, where tokens change.

        ``timeout_s`` is for a call with all its repeats, ``attempt_timeout_s`` for each of them.
        ``connections``: so many calls are under way at most, beside streams and events. ``tls``: for a
        certificate authority of your own. ``ValueError`` for a URL that is none, or no connection.
        """
        transport = Transport(url, token, connections=connections, tls=tls, user_agent=user_agent)
        timing = Timing(timeout_s=timeout_s, attempt_timeout_s=attempt_timeout_s)
        self._transport = transport
        self._caller = Caller(transport, timing)

    async def __aenter__(self) -> Self:
        self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    def character(self, char_id: str | UUID) -> CharacterHandle:
        """The character of an id; nothing is asked. ``ValueError`` for what is no UUID."""
        return CharacterHandle(self._caller, normal_char_id(char_id))

    async def create_character(
        self,
        *,
        char_id: str | UUID | None = None,
        name: str = "",
        level: int = 1,
        class_: str = "",
        attributes: Mapping[str, int] | None = None,
        states: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> Character:
        """Make a character, under an id of your own or a new one. ``AlreadyExists`` if the id is taken.

        A repeat after a lost answer finds the id taken: by the character that was asked for, if it is
        as it was asked for.
        """
        actor = NewActor(level, class_, dict(attributes or {}), tuple(states))
        wanted = normal_char_id(char_id or uuid4())
        return await Creation(self._caller, wanted, name, actor, is_new_id=char_id is None).run(timeout_s)

    async def character_page(
        self, *, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> CharacterPage:
        """A page of characters by id; ``name``: those whose names begin with it, whatever the case."""
        query = as_query(name=name, limit=limit, cursor=cursor)
        return await self._caller.read(CharacterPage, "/v1/characters", query)

    async def characters(self, *, name: str | None = None) -> AsyncIterator[Character]:
        """All of them, page by page."""
        cursor = None
        while True:
            page = await self.character_page(name=name, limit=500, cursor=cursor)
            for character in page.characters:
                yield character
            if (cursor := page.cursor) is None:
                return

    async def catalog(self) -> Catalog:
        """The item catalog that is served: version, count, ruleset."""
        return await self._caller.read(Catalog, "/v1/catalog")

    async def template(self, template_id: str) -> Template:
        """One item template; ``NotFound``."""
        return await self._caller.read(Template, f"/v1/items/{quote(template_id, safe='')}")

    async def template_page(
        self, *, kind: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> TemplatePage:
        """A page of item templates by id, of one kind or of all."""
        query = as_query(kind=kind, limit=limit, cursor=cursor)
        return await self._caller.read(TemplatePage, "/v1/items", query)

    async def templates(self, *, kind: str | None = None) -> AsyncIterator[Template]:
        """All of them, page by page."""
        cursor = None
        while True:
            page = await self.template_page(kind=kind, limit=500, cursor=cursor)
            for template in page.items:
                yield template
            if (cursor := page.cursor) is None:
                return

    async def execute_many(
        self,
        requests: Iterable[Request],
        *,
        bodies_at_once: int = BODIES_AT_ONCE,
        timeout_s: float | None = None,
    ) -> list[Result]:
        """Any number of requests, in bodies of up to 1,000 and 256 KiB; the results in their order.

        Each is all or nothing by itself, and its result is a ``Reply`` or the error that a single call
        would raise. Those of one character are carried out in their order; only what had to be
        repeated by itself comes after those behind it. ``timeout_s`` is for each body.
        """
        return await Bulk(self._caller, requests, at_once=bodies_at_once, timeout_s=timeout_s).run()

    def stream(
        self, *, language: Language = "msgpack", in_flight_max: int = 500, heartbeat_s: float = 20.0
    ) -> Stream:
        """A connection for a steady flow of commands: ``async with client.stream() as stream``.

        So many requests are under way at most. A connection that is silent for ``heartbeat_s``, and
        then does not answer a ping in half of that, is taken for dead, and made anew.
        """
        return Stream(self._caller, language=language, in_flight_max=in_flight_max, heartbeat_s=heartbeat_s)
