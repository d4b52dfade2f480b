"""The event loop: virtual time, choices by seed alone, and processes that end between two steps."""

import asyncio
from random import Random

import pytest

from tests.simulation.loop import Loop, Process, Stuck


def order_of(seed: int) -> list[str]:
    loop, seen = Loop(Random(seed)), []

    async def one(name: str) -> None:
        for step in range(3):
            seen.append(f"{name}{step}")
            await asyncio.sleep(0)

    tasks = [loop.spawn(None, one(name)) for name in "abc"]
    assert loop.run(lambda: all(task.done() for task in tasks), limit=1)
    return seen


def test_a_seed_is_an_order_and_others_are_other_orders() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(20)}) > 10


def test_time_is_virtual_and_timeouts_locks_and_events_work() -> None:
    loop, seen = Loop(Random(0)), []

    async def work() -> None:
        await asyncio.sleep(3600)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        lock = asyncio.Lock()

        async def locked(number: int) -> None:
            async with lock:
                await asyncio.sleep(1)
                seen.append(number)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.gather(*map(locked, range(3)))

    task = loop.spawn(None, work())
    assert loop.run(task.done, limit=10_000)
    task.result()
    assert loop.time() == 3606.5
    assert len(seen) == 1


def test_what_a_dead_process_was_about_to_do_is_never_done() -> None:
    loop, process, seen = Loop(Random(0)), Process("p"), []

    async def child() -> None:
        await asyncio.sleep(2)
        seen.append("child")

    async def work() -> None:
        asyncio.get_running_loop().create_task(child())
        await asyncio.sleep(1)
        seen.append("parent")
        await asyncio.sleep(1.5)
        seen.append("late")

    loop.spawn(process, work())
    loop.run(lambda: loop.now >= 1, limit=1)
    process.dead = True
    loop.run(lambda: False, limit=10)
    assert seen == ["parent"]


def test_a_loop_that_goes_round_in_circles_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.loop.STEPS_MAX", 1000)
    loop = Loop(Random(0))

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    loop.spawn(None, spin())
    with pytest.raises(Stuck):
        loop.run(lambda: False, limit=1)
