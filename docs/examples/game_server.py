"""A small game server: players log in, find loot, pick it up, equip it, buy, trade and leave.

It holds the world, and Haversack holds what is in everybody's bags. Start a service with the demo's
catalog (`make run`), install the client (`pip install ./client`), and then:

    export HAVERSACK_URL=http://127.0.0.1:8080 HAVERSACK_TOKEN=$(cat .haversack/token)
    python docs/examples/game_server.py

A player is a WebSocket at ws://127.0.0.1:9000/play, and says things such as {"do": "login", "name": "Mira"}.
What a player may say is under "What players say"; nothing of it is trusted.
"""

import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from msgspec import Meta, Struct

from haversack_client import (
    AlreadyExists,
    CharacterHandle,
    Consume,
    Grant,
    Haversack,
    HaversackError,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Refused,
)

LOOT = [
    ("brown_bread", 2),
    ("iron_sword", 1),
    ("steel_longsword", 1),
    ("gold_coin", 400),
    ("sealed_letter", 1),
]


# What players say


class _Message(Struct, tag_field="do", forbid_unknown_fields=True):
    pass


class Login(_Message, tag="login"):
    """Come in. A real game asks for a password here."""

    name: Annotated[str, Meta(min_length=1, max_length=24)]


class Explore(_Message, tag="explore"):
    """Go on, and find what the world has put there."""


class PickUp(_Message, tag="pick_up"):
    """Take what lies on the ground."""

    drop_id: str


class Wear(_Message, tag="equip"):
    """Wear an item."""

    item_id: str
    slot: str | None = None


class Buy(_Message, tag="buy"):
    """Buy one of a template, at the catalog's price in copper: a hundredth of a gold coin, rounded up."""

    template_id: str


class Offer(_Message, tag="offer"):
    """Lay an item into the trade window."""

    item_id: str


_said = msgspec.json.Decoder(Login | Explore | PickUp | Wear | Buy | Offer)


class Drop(Struct):
    """Loot on the ground. ``claimed_by``: whose call for it may have been carried out."""

    drop_id: str
    template_id: str
    quantity: int
    claimed_by: UUID | None = None


class World:
    """What all players share."""

    def __init__(self, seed: int | None = None) -> None:
        """``seed`` decides what is found."""
        self.dice = random.Random(seed)
        self.ground: dict[str, Drop] = {}

    def drop_loot(self) -> Drop:
        """Put something on the ground."""
        template_id, quantity = self.dice.choice(LOOT)
        drop = Drop(uuid4().hex, template_id, quantity)
        self.ground[drop.drop_id] = drop
        return drop


class Player:
    """One who has logged in."""

    def __init__(self, client: Haversack, world: World, char_id: UUID, hero: CharacterHandle) -> None:
        """``hero``: the character of ``char_id``."""
        self._client = client
        self._world = world
        self._char_id = char_id
        self._hero = hero

    async def do(self, said: Explore | PickUp | Wear | Buy | Offer) -> dict[str, Any]:
        """What the player is told. Raises what the client raises."""
        match said:
            case Explore():
                return {"found": self._world.drop_loot()}
            case PickUp(drop_id=drop_id):
                return await self._pick_up(drop_id)
            case Wear(item_id=item_id, slot=slot):
                return {"changed": (await self._hero.equip(item_id, slot)).changes.changed}
            case Buy(template_id=template_id):
                return await self._buy(template_id)
            case Offer(item_id=item_id):
                return await self._offer(item_id)

    async def leave(self) -> None:
        """Have everything saved, and the session ended."""
        await self._hero.evict()

    async def _pick_up(self, drop_id: str) -> dict[str, Any]:
        drop = self._world.ground.pop(drop_id, None)
        if drop is None or drop.claimed_by not in (None, self._char_id):
            if drop is not None:
                self._world.ground[drop_id] = drop
            return {"error": "GONE"}
        try:
            # The key is the drop's: whatever happens to calls and answers, it is picked up once.
            reply = await self._hero.grant(drop.template_id, drop.quantity, idempotency_key=f"drop {drop_id}")
        except OutcomeUnknown:
            # It may be in the bag already, so nobody else may have it. The same player may ask again.
            drop.claimed_by = self._char_id
            self._world.ground[drop_id] = drop
            raise
        except HaversackError:
            self._world.ground[drop_id] = drop
            raise
        return {"picked_up": drop_id, "changed": reply.changes.changed}

    async def _buy(self, template_id: str) -> dict[str, Any]:
        price = (await self._client.template(template_id)).data["price"]
        if not price:
            return {"error": "NOT_FOR_SALE"}
        # All or nothing: no money without goods, no goods without money.
        reply = await self._hero.execute(
            [Consume(-(-price // 100), template_id="gold_coin"), Grant(template_id, 1)]
        )
        return {"bought": template_id, "changed": reply.changes.changed}

    async def _offer(self, item_id: str) -> dict[str, Any]:
        detail = await self._hero.item(item_id)
        if detail.item.bound or not detail.facts.tradeable:
            return {"refused": "ITEM_BOUND" if detail.item.bound else "NOT_TRADEABLE"}
        if detail.item.locked or detail.item.place.container == "equipment":
            return {"refused": "ITEM_LOCKED" if detail.item.locked else "ITEM_WORN"}
        return {"offered": detail.item}


class GameServer:
    """The WebSocket at ``/play``."""

    def __init__(self, client: Haversack, world: World) -> None:
        """``client`` is open."""
        self._client = client
        self._world = world
        self._sockets: set[web.WebSocketResponse] = set()

    async def close(self, _: web.Application) -> None:
        """Part from all players, who are saved before the server ends."""
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def play(self, request: web.Request) -> web.WebSocketResponse:
        """One player, from login until the connection ends."""
        socket = web.WebSocketResponse(heartbeat=20.0, max_msg_size=4096)
        await socket.prepare(request)
        player: Player | None = None
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                try:
                    said = _said.decode(message.data)
                    if isinstance(said, Login):
                        if player is None:
                            player, told = await self._log_in(said)
                        else:
                            told = {"error": "LOGGED_IN_ALREADY"}
                    elif player is None:
                        told = {"error": "LOG_IN_FIRST"}
                    else:
                        told = await player.do(said)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    told = {"error": str(error)}
                except Refused as refused:
                    told = {"refused": refused.code, "params": refused.params}
                except (InvalidRequest, NotFound) as error:
                    told = {"error": error.code}
                except HaversackError as error:
                    # Not the player's fault, and not the player's to know more about.
                    print(f"no inventory: {error!r}")
                    told = {"error": "TRY_AGAIN"}
                await socket.send_str(msgspec.json.encode(told).decode())
        finally:
            self._sockets.discard(socket)
            if player is not None:
                # What cannot be saved now is saved by the service itself, as soon as it can.
                with suppress(HaversackError):
                    await player.leave()
        return socket

    async def _log_in(self, login: Login) -> tuple[Player, dict[str, Any]]:
        # The game's accounts say which character is whose; here the name does.
        char_id = uuid5(NAMESPACE_URL, f"player {login.name}")
        with suppress(AlreadyExists):
            await self._client.create_character(char_id=char_id, name=login.name, level=3)
        hero = self._client.character(char_id)
        await hero.load()
        return Player(self._client, self._world, char_id, hero), {
            "welcome": login.name,
            "items": (await hero.inventory(expand=True)).items,
        }


def init_app(url: str, token: str, world: World) -> web.Application:
    """The game, as a web application."""
    client = Haversack(url, token)

    async def opened(_: web.Application) -> AsyncIterator[None]:
        async with client:
            yield

    app = web.Application()
    app.cleanup_ctx.append(opened)
    game = GameServer(client, world)
    app.on_shutdown.append(game.close)
    app.router.add_get("/play", game.play)
    return app


if __name__ == "__main__":
    web.run_app(
        init_app(os.environ["HAVERSACK_URL"], os.environ["HAVERSACK_TOKEN"], World()),
        host="127.0.0.1",
        port=int(os.environ.get("PORT", "9000")),
    )
