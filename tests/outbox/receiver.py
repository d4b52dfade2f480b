"""A receiver of webhooks that does as a test says, and remembers all that it was sent."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@dataclass
class Received:
    """One request, and what it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = json.loads(self.body)["data"]["entries"]
        return entries


# From a request's entries to the status that it is answered.
Answer = Callable[[Sequence[dict[str, Any]]], "int | Awaitable[int]"]


@dataclass
class Receiver:
    """Answers what ``answer`` says; ``requests`` are all, and ``taken`` the entries of those with 2xx."""

    answer: Answer = lambda _: 204
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    url: str = ""
    elsewhere: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        check_signature(request.headers, body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answered = self.answer(json.loads(body)["data"]["entries"])
            status = answered if isinstance(answered, int) else await answered
        finally:
            self.under_way -= 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Received(headers, body, status))
        return web.Response(status=status, headers=self.headers)

    async def handle_elsewhere(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response(status=204)

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [entry for one in self.requests if 200 <= one.status < 300 for entry in one.entries]

    def seqs(self, char_id: str) -> list[int]:
        """Of a character, in the order in which they came first."""
        seqs = [entry["seq"] for entry in self.taken if entry["char_id"] == char_id]
        return list(dict.fromkeys(seqs))

    def repeats(self) -> int:
        return len(self.taken) - len({(entry["char_id"], entry["seq"]) for entry in self.taken})


def check_signature(headers: Any, body: bytes) -> None:
    """By the specification's words, and not by the program's."""
    signed = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """A server at ``receiver.url``."""
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/changes", receiver.handle)
    app.router.add_post("/elsewhere", receiver.handle_elsewhere)
    server = TestServer(app)
    await server.start_server()
    receiver.url = str(server.make_url("/changes"))
    try:
        yield receiver
    finally:
        await server.close()


async def until(holds: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    deadline = asyncio.get_running_loop().time() + within_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.005)
