"""How far one character's operations run ahead of the oldest."""

import asyncio
from collections.abc import Iterator

import pytest

from haversack_client import CharacterHandle, Haversack, NotReached
from haversack_client.windows import WINDOW, Windows
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import coins_of
from tests.serving import TOKEN, Serving

SOON = 5.0


def ends(seconds: float = SOON) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_the_oldest_holds_the_others_back() -> None:
    windows, order = Windows(3), list[int]()
    gates = [asyncio.Event() for _ in range(6)]

    async def operate(number: int) -> None:
        async with windows.place("a", ends()):
            order.append(number)
            await gates[number].wait()

    tasks = [asyncio.create_task(operate(number)) for number in range(6)]
    await asyncio.sleep(0)
    assert order == [0, 1, 2]
    # Places are free, and yet the next would be too far from the first.
    gates[1].set()
    gates[2].set()
    await asyncio.sleep(0.01)
    assert order == [0, 1, 2]
    gates[0].set()
    await asyncio.sleep(0.01)
    assert order == [0, 1, 2, 3, 4, 5]
    for gate in gates:
        gate.set()
    await asyncio.gather(*tasks)
    assert windows._windows == {}


async def test_who_gives_up_holds_nobody_back() -> None:
    windows = Windows(1)
    async with windows.place("a", ends()):
        waiting = [asyncio.create_task(windows._enter("a", ends(), 1)) for _ in range(3)]
        with pytest.raises(NotReached):
            await windows._enter("a", ends(0.01), 1)
        async with windows.place("b", ends()):
            pass
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.sleep(0)
    number = await waiting[2]
    # Let in and cancelled in the same moment.
    last = asyncio.create_task(windows._enter("a", ends(), 1))
    await asyncio.sleep(0)
    windows._leave("a", number)
    last.cancel()
    with pytest.raises(asyncio.CancelledError):
        await last
    assert windows._windows == {}


async def test_many_places_are_taken_without_a_circle() -> None:
    windows = Windows(4)

    async def take(*char_ids: str) -> None:
        async with windows.places(dict.fromkeys(char_ids, 3), ends()):
            await asyncio.sleep(0)

    async with asyncio.timeout(SOON):
        await asyncio.gather(*(take(*pair) for pair in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")] * 20))
    assert windows._windows == {}


@pytest.fixture
def proxy(service: Serving) -> Iterator[FaultProxy]:
    proxy = FaultProxy(service.url)
    yield proxy
    proxy.close()


async def test_a_late_repeat_is_still_known(proxy: FaultProxy, hero: CharacterHandle) -> None:
    """The service remembers 64 operations. One loses its answer again and again, and 200 wait behind it."""
    assert WINDOW * 2 == 64
    proxy.cut_after(b"Idempotency-Key: first", times=6)
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=20) as client:
        unlucky = client.character(hero.char_id)
        first = asyncio.create_task(unlucky.grant("gold_coin", 1, idempotency_key="first"))
        await asyncio.sleep(0)
        others = await asyncio.gather(*(unlucky.grant("gold_coin", 1) for _ in range(200)))
        assert (await first).replayed and proxy.hits == 6
    assert {reply.replayed for reply in others} == {False}
    assert await coins_of(hero) == 201
