"""Requests that are cancelled wherever they wait: nobody gets a reply that is another's."""

import asyncio
import random
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from persistence.orchestrator import InventoryOrchestrator
from tests.adversity.site import Site, char_ids, play
from tests.service.play import grant

CALLERS = 24
CALLS = 60


class CancelledAt:
    """Awaits a coroutine, and cancels the task it is in at its ``at``-th wait.

    At the wait's beginning; or, with ``late``, when what was waited for is there and has not been taken yet.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *, late: bool = False) -> None:
        self._coroutine, self._at, self._late = coroutine, at, late
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        sent: Any = None
        error: BaseException | None = None
        while True:
            try:
                waiting_for = self._coroutine.throw(error) if error else self._coroutine.send(sent)
            except StopIteration as stop:
                return stop.value
            self.waits += 1
            if self.waits == self._at:
                if self._late and waiting_for is not None:
                    waiting_for.add_done_callback(lambda _: task.cancel())
                else:
                    task.cancel()
            error = None
            try:
                sent = yield waiting_for
            except BaseException as raised:
                error = raised


async def call(
    gateway: InventoryOrchestrator, char_id: str, at: int, *, late: bool = False, **terms: Any
) -> tuple[Any, int]:
    """The reply, None where the cancel came first; and how often the call had to wait."""
    cancelled = CancelledAt(play(gateway, grant("gold"), char_id=char_id, **terms), at, late=late)

    async def run() -> Any:
        return await cancelled

    (reply,) = await asyncio.gather(asyncio.create_task(run()), return_exceptions=True)
    if isinstance(reply, asyncio.CancelledError):
        return None, cancelled.waits
    assert isinstance(reply, dict), repr(reply)
    return reply, cancelled.waits


async def verified(gateway: InventoryOrchestrator, told: dict[tuple[str, int], tuple[str, Any]]) -> None:
    """Every reply is what the ledger says of the call that its caller made."""
    async with gateway.store.database.connection() as connection:
        rows = await connection.fetch("SELECT char_id::text, seq, request_id, changes FROM journal")
    ledger = {(row["char_id"], row["seq"]): row for row in rows}
    assert len({row["request_id"] for row in rows}) == len(rows), "a call was applied twice"
    for key, (request_id, reply) in told.items():
        assert ledger[key]["request_id"] == request_id, "another caller's reply"
        (shown,) = reply["changes"]["changed"]
        assert f'"{shown["item_id"]}"'.encode() in ledger[key]["changes"]
        assert shown["quantity"] == key[1], "one gold for each seq"


@pytest.mark.parametrize("late", [False, True])
async def test_each_wait_of_a_call_in_turn(site: Site, late: bool) -> None:
    """Loading, calling, waiting for durability, on new connections and on used ones.

    Whoever cancels must be obeyed, too: a timeout that has no effect bounds nothing.
    """
    async with site.gateway() as gateway:
        told: dict[tuple[str, int], tuple[str, Any]] = {}
        for durable in (False, True):
            for live in (False, True):
                done, at = False, 0
                while not done:
                    at += 1
                    char_id = char_ids(CALLERS)[at % CALLERS]
                    if not live:
                        await gateway.save_session(char_id, evict=True)
                    request_id = f"{durable}-{live}-{at}"
                    reply, waits = await call(
                        gateway, char_id, at, late=late, request_id=request_id, durable=durable
                    )
                    if reply is not None:
                        assert waits < at, f"cancelled at wait {at}, and it went on"
                        told[char_id, reply["seq"]] = (request_id, reply)
                        done = True
                assert at > 1, "it never waited"
        for char_id in char_ids(CALLERS):
            await gateway.save_session(char_id)
        await verified(gateway, told)
    await site.audit()


async def test_many_callers_some_of_whom_go_away(site: Site) -> None:
    """All share a few connections; who stays gets exactly what it asked for."""
    site.to_redis.slow_down(jitter_s=0.002)
    async with site.gateway() as gateway:
        told: dict[tuple[str, int], tuple[str, Any]] = {}

        async def caller(number: int, char_id: str) -> None:
            rng = random.Random(number)
            for step in range(CALLS):
                at = rng.randrange(1, 12) if rng.random() < 0.4 else 0
                request_id, durable = f"{number}-{step}", rng.random() < 0.1
                reply, _ = await call(gateway, char_id, at, request_id=request_id, durable=durable)
                if reply is not None:
                    assert (char_id, reply["seq"]) not in told
                    told[char_id, reply["seq"]] = (request_id, reply)

        await asyncio.gather(*(caller(number, char_id) for number, char_id in enumerate(char_ids(CALLERS))))
        for char_id in char_ids(CALLERS):
            await gateway.save_session(char_id)
        assert CALLERS * CALLS / 2 < len(told) < CALLERS * CALLS
        await verified(gateway, told)
    await site.audit()
