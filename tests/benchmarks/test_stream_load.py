"""The stream's generator believes no reply: what is wrong with one must be counted as wrong."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from benchmarks import moves
from benchmarks.load.stream import JSON, MSGPACK, PATH, Job, Streamed
from benchmarks.load.stream_player import play
from benchmarks.world import inventory

Answers = list[dict[str, Any]]
Serve = Callable[[Callable[[Answers], Answers]], Awaitable[str]]


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    rng = random.Random(5)
    players = [inventory(rng, 20) for _ in range(8)]
    path = tmp_path / "moves.tsv"
    moves.write(path, moves.dealt(players, rng, 1, 1)[0])
    return path


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that answers as it should, but for what a test does to the answers of a frame."""
    servers = []

    async def start(spoiled: Callable[[Answers], Answers]) -> str:
        async def stream(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse(protocols=(JSON, MSGPACK))
            await socket.prepare(request)
            language: Any = msgspec.msgpack if socket.ws_protocol == MSGPACK else msgspec.json
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    asked = language.decode(
                        message.data.encode() if isinstance(message.data, str) else message.data
                    )
                    answers = language.encode(spoiled([_answer(request) for request in asked]))
                    send = socket.send_bytes if socket.ws_protocol == MSGPACK else socket.send_str
                    await send(answers if socket.ws_protocol == MSGPACK else answers.decode())
            return socket

        app = web.Application()
        app.router.add_get(PATH, stream)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    (command,) = request["commands"]
    item = {"item_id": command["item_id"], "place": command["to"]}
    return {"id": request["id"], "seq": 1, "changes": {"changed": [item], "removed": []}}


async def played(url: str, file: Path, **more: Any) -> Streamed:
    # An open loop may lose its first turns to others on the machine, and should then have more.
    seconds = 1.0 if more.get("rate") else 0.2
    job = Job(url, "token", str(file), seconds, (0, 0), **{"frame": 4, "frames": 2} | more)
    return await play(job, file.read_bytes().splitlines())


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
@pytest.mark.parametrize("rate", [0, 200])
async def test_right_replies_are_counted_and_the_file_goes_on(
    serve: Serve, moved: Path, protocol: str, rate: float
) -> None:
    found = await played(await serve(lambda answers: answers), moved, protocol=protocol, rate=rate)
    assert found.measured.failed == 0, found.first_error
    assert found.measured.sent == sum(found.ends) > 0
    assert found.measured.requests <= found.measured.sent
    again = await played(await serve(lambda answers: answers[::-1]), moved, protocol=protocol)
    assert again.measured.failed == 0, again.first_error


def swapped(answers: Answers) -> Answers:
    if len(answers) > 1:
        answers[0]["id"], answers[1]["id"] = answers[1]["id"], answers[0]["id"]
    return answers


def doubled(answers: Answers) -> Answers:
    return [*answers, answers[0]]


def elsewhere(answers: Answers) -> Answers:
    answers[0]["changes"]["changed"][0]["place"]["slot"] += 1
    return answers


def unmoved(answers: Answers) -> Answers:
    answers[0]["changes"]["changed"] = []
    return answers


@pytest.mark.parametrize("spoiled", [swapped, doubled, elsewhere, unmoved])
async def test_a_reply_to_something_else_is_wrong(
    serve: Serve, moved: Path, spoiled: Callable[[Answers], Answers]
) -> None:
    found = await played(await serve(spoiled), moved)
    assert found.measured.errors["wrong"] > 0
    assert found.first_error.startswith("wrong: ")


async def test_a_refusal_is_an_error(serve: Serve, moved: Path) -> None:
    def refused(answers: Answers) -> Answers:
        return [{"id": answers[0]["id"], "status": 422, "code": "TOO_HEAVY"}, *answers[1:]]

    found = await played(await serve(refused), moved)
    assert found.measured.errors["status"] > 0
    assert "TOO_HEAVY" in found.first_error


async def test_a_lost_reply_is_an_error(serve: Serve, moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.load.stream_player.DRAIN_S", 0.2)
    found = await played(await serve(lambda answers: answers[1:]), moved)
    assert found.measured.errors["read"] > 0
