"""The floors: what aiohttp does on this machine when there is (almost) nothing to be done.

``python -m benchmarks.floors a`` answers a constant and does not read the body. ``… b`` decodes the
move and encodes a reply of true size with msgspec. Neither checks a token, the path or a header.
Both get the same requests as the gateways.
"""

import sys
from functools import partial

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from benchmarks.serving import nothing_else, serve
from engine.commands import MoveRequest
from engine.outcome import Capacity, CarriedWeight, Changes, Room
from engine.state import Item, Place

PATH = "/v1/characters/{char_id}/inventory/move"
CONTENT_TYPE = "application/json"


class Reply(Struct, frozen=True):
    """What a move answers with."""

    seq: int
    durable_seq: int
    tag: str
    replayed: bool
    changes: Changes
    capacity: Capacity


def floor_a() -> web.Application:
    """One answer, made beforehand, to whatever is asked."""
    body = msgspec.json.encode(_reply("0" * 32, Place("bag", 0)))

    async def constant(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=CONTENT_TYPE)

    return _application(constant)


def floor_b() -> web.Application:
    """An answer that is made of what is asked."""
    decode = msgspec.json.Decoder(MoveRequest).decode
    encode = msgspec.json.Encoder().encode

    async def echo(request: web.Request) -> web.Response:
        move = decode(await request.read())
        place = Place(move.to.container, move.to.slot or 0)
        return web.Response(body=encode(_reply(move.item_id, place)), content_type=CONTENT_TYPE)

    return _application(echo)


def _application(handler: Handler) -> web.Application:
    app = web.Application()
    app.router.add_post(PATH, handler)
    return app


def _reply(item_id: str, place: Place) -> Reply:
    # Two items, as a swap answers, which is half of the moves.
    items = Item(item_id, "template_01", 1, place), Item("f" * 32, "template_02", 12, Place("bag", 7))
    room = Capacity({"bag": Room(36, 4010)}, CarriedWeight(38_420, 40_065_000))
    return Reply(1042, 1017, "0.1042", False, Changes(items, ()), room)


if __name__ == "__main__":
    serve(partial(nothing_else, {"a": floor_a, "b": floor_b}[sys.argv[1]]()), web.AppRunner)
