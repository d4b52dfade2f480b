"""Proxies that speak for themselves, silent connections, strangely spelled keys: no false word."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

import pytest
from aiohttp import web

from haversack_client import (
    Haversack,
    HaversackError,
    OutcomeUnknown,
    Request,
    Unauthenticated,
    events,
)
from tests.client.coins import COIN
from tests.serving import TOKEN

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PROBLEM_TYPE = "application/problem+json"
SILENCE_S = 0.3


@asynccontextmanager
async def before(handler: Handler) -> AsyncIterator[Haversack]:
    """A client of whatever answers by ``handler``."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Haversack(f"http://127.0.0.1:{runner.addresses[0][1]}", TOKEN) as client:
            yield client
    finally:
        await runner.cleanup()


def problem(status: int, code: str, title: str) -> dict[str, object]:
    said = {"type": "t", "title": title, "status": status, "code": code}
    return said | {"detail": "", "params": {}, "op_index": None}


@pytest.mark.parametrize("status", [400, 503])
async def test_a_problem_document_that_is_not_the_services(status: int) -> None:
    """The service may have done it, and what stands before it has lost the answer."""

    async def answer(_: web.Request) -> web.Response:
        document = {"type": "about:blank", "title": "upstream reset", "status": status}
        return web.json_response(document, status=status, content_type=PROBLEM_TYPE)

    async with before(answer) as client:
        with pytest.raises(OutcomeUnknown):
            await client.character(uuid4()).grant("gold_coin", 1, idempotent=False)


@pytest.mark.parametrize("ends", ["silent", "ended"])
async def test_events_whose_connection_is_lost_after_a_silence(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Longer than ``timeout_s``, which counts from when there is no connection any more."""
    monkeypatch.setattr(events, "SILENCE_S", SILENCE_S if ends == "silent" else 10 * SILENCE_S)
    connections, over = 0, asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        event = f'id: 0.{connections}\nevent: reset\ndata: {{"tag":"0.1","seq":1,"reason":"began"}}'
        await response.write(f"retry: 1\n\n{event}\n\n".encode())
        if ends == "ended":
            await asyncio.sleep(SILENCE_S)
        else:
            await over.wait()
        return response

    async with (
        asyncio.timeout(20),
        before(answer) as client,
        aclosing(client.character(uuid4()).events(timeout_s=SILENCE_S / 2)) as found,
    ):
        assert [(await anext(found)).id for _ in range(3)] == ["0.1", "0.2", "0.3"]
        over.set()


@pytest.mark.parametrize("key", ["", " ", "quest 17 ", " quest 17", "quest\n17", "x" * 129])
async def test_keys_that_are_not_the_same_everywhere(key: str) -> None:
    async def never(_: web.Request) -> web.Response:
        raise AssertionError("it was sent")

    char_id = str(uuid4())
    async with before(never) as client:
        with pytest.raises(ValueError, match="idempotency_key"):
            await client.character(char_id).grant("gold_coin", 1, idempotency_key=key)
        with pytest.raises(ValueError, match="idempotency_key"):
            await client.execute_many([Request(char_id=char_id, commands=(COIN,), idempotency_key=key)])


async def test_bulk_tells_what_ended_it() -> None:
    """And not what was said in passing before."""
    passing = {"replies": [problem(429, "RATE_LIMITED", "later")]}
    answers = [
        web.json_response(passing),
        web.json_response(problem(401, "UNAUTHENTICATED", "no"), status=401, content_type=PROBLEM_TYPE),
    ]

    async def answer(_: web.Request) -> web.Response:
        return answers.pop(0)

    async with before(answer) as client:
        (result,) = await client.execute_many([Request(char_id=str(uuid4()), commands=(COIN,))])
    assert isinstance(result, Unauthenticated)


async def test_a_stream_that_has_ended_keeps_nothing_of_later_calls(client: Haversack) -> None:
    lengths = set()
    async with client.stream() as stream:
        pass
    for _ in range(5):
        with pytest.raises(HaversackError) as ended:
            await stream.execute(uuid4(), [COIN])
        lengths.add(len(traceback.extract_tb(ended.value.__traceback__)))
    assert len(lengths) == 1
