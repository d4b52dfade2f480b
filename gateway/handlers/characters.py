"""Characters: made, looked at, found, and told what their actor is now."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from engine.bounds import AttributeValue, ClassName, Level, Name
from engine.state import Actor
from gateway.handlers import commands
from gateway.handlers.execution import execute
from gateway.http import requests
from gateway.http.conditions import call
from gateway.http.problems import invalid, invalid_words
from gateway.http.responses import encode, json_reply
from gateway.http.spellings import CharacterName, NewCharId
from persistence.errors import InvalidWords, OutcomeUnknown, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Character

_NIL: Final = str(UUID(int=0))


class NewActor(Struct, frozen=True, forbid_unknown_fields=True):
    """The actor of a new character; ``class`` is "" for none. The ruleset must know the words."""

    level: Level = 1
    class_: ClassName = msgspec.field(default="", name="class")
    attributes: dict[Name, AttributeValue] = {}
    states: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()


class CreateCharacterRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``char_id``: a UUID of the caller's own, without it one is made. Two may have one name."""

    char_id: NewCharId | None = None
    name: CharacterName = ""
    actor: NewActor = NewActor()


class CharacterList(Struct, frozen=True):
    """A page of characters by id; ``cursor`` begins the next page, null on the last."""

    characters: list[Character]
    cursor: str | None


_CREATE = msgspec.json.Decoder(CreateCharacterRequest)


class CharacterGateway:
    """Handlers of ``/v1/characters``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator
        self._name_length_max = orchestrator.ruleset.source.limits.name_length

    async def create(self, request: web.Request) -> web.Response:
        """``POST /v1/characters``: 201 with the character and where it is; 409 when the id is taken."""
        requests.plain(request)
        body = requests.decoded(_CREATE, await requests.json_body(request))
        char_id = None if body.char_id is None else requests.normal_char_id(body.char_id, "char_id")
        if char_id == _NIL:
            raise invalid("char_id", "the nil UUID is nobody's")
        name = requests.printable(body.name, "name", self._name_length_max)
        new = body.actor
        actor = Actor(new.level, new.class_, new.attributes, tuple(dict.fromkeys(new.states)))
        try:
            character = await self._orchestrator.create_character(char_id, name, actor)
        except InvalidWords as error:
            raise invalid_words(error.errors, within="actor.") from error
        response = json_reply(encode(character), 201)
        response.headers["Location"] = f"/v1/characters/{character.char_id}"
        return response

    async def find(self, request: web.Request) -> web.Response:
        """``GET /v1/characters?name=&cursor=&limit=``: characters in the order of their ids."""
        query = requests.plain(request, "name", "cursor", "limit")
        limit = requests.limit(query)
        name, after = query.get("name"), query.get("cursor")
        if name is not None:
            requests.printable(name, "name", self._name_length_max)
        if after is not None:
            after = requests.normal_char_id(after, "cursor")
        # One more than asked for tells whether there is a next page.
        found = await self._orchestrator.characters(name, after, limit + 1)
        page = found[:limit]
        cursor = page[-1].char_id if len(found) > limit else None
        return json_reply(encode(CharacterList(page, cursor)))

    async def read(self, request: web.Request) -> web.Response:
        """``GET /v1/characters/{char_id}``."""
        requests.plain(request)
        return await self._character(requests.char_id(request))

    async def change(self, request: web.Request) -> web.Response:
        """``PATCH /v1/characters/{char_id}``: the fields of ``set_actor``; replies with the character."""
        char_id = requests.char_id(request)
        requests.query(request)
        conditions = call(request)
        command = commands.single(commands.SET_ACTOR, await requests.json_body(request))
        reply = await execute(self._orchestrator, char_id, (command,), conditions)
        if reply.status != 200:
            return reply
        try:
            return await self._character(char_id)
        except Unavailable as error:
            # It was done; only what the character is now cannot be told.
            raise OutcomeUnknown(f"the actor was changed, but cannot be read: {error}") from error

    async def _character(self, char_id: str) -> web.Response:
        return json_reply(encode(await self._orchestrator.character(char_id)))
