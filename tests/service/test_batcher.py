"""Natural batching: alone at once, together when there is much, and each call for itself."""

import asyncio
from collections.abc import Sequence

import pytest

from persistence.errors import CharacterNotFound, PersistenceError, Unavailable
from persistence.protocol.batcher import Batcher


class Server:
    """Notes the batches it gets, and answers each when it is told to."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.busy = 0
        self.busiest = 0
        self.open = asyncio.Event()

    async def act(self, keys: Sequence[str]) -> dict[str, str | PersistenceError]:
        self.batches.append(tuple(keys))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await self.open.wait()
        self.busy -= 1
        if "away" in keys:
            raise Unavailable("away")
        if "bad" in keys:
            raise ValueError("bad")
        return {key: CharacterNotFound(key) if key == "nobody" else f"{key}!" for key in keys}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def batcher(server: Server) -> Batcher[str]:
    return Batcher(server.act, size=4, in_flight=2)


async def asked(batcher: Batcher[str], *keys: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(batcher.ask(key)) for key in keys]
    # One turn in which they ask, and one in which their batches begin.
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_waits_for_nobody(server: Server, batcher: Batcher[str]) -> None:
    first = await asked(batcher, "a")
    second = await asked(batcher, "b")
    assert server.batches == [("a",), ("b",)]
    server.open.set()
    assert [await task for task in first + second] == ["a!", "b!"]


async def test_those_who_ask_in_one_turn_go_together(server: Server, batcher: Batcher[str]) -> None:
    server.open.set()
    assert await asyncio.gather(*map(batcher.ask, "abc")) == ["a!", "b!", "c!"]
    assert server.batches == [("a", "b", "c")]


async def test_what_gathers_meanwhile_makes_the_next_batch(server: Server, batcher: Batcher[str]) -> None:
    tasks = [*await asked(batcher, "a"), *await asked(batcher, "b"), *await asked(batcher, *"cdefgh")]
    assert server.batches == [("a",), ("b",)], "so many at once, and no more"
    server.open.set()
    assert await asyncio.gather(*tasks) == [f"{key}!" for key in "abcdefgh"]
    assert server.batches == [("a",), ("b",), tuple("cdef"), tuple("gh")]
    assert server.busiest == 2


async def test_a_key_that_is_asked_for_twice_is_done_twice(server: Server, batcher: Batcher[str]) -> None:
    server.open.set()
    assert await asyncio.gather(*map(batcher.ask, "aab")) == ["a!", "a!", "b!"]
    assert sorted(server.batches) == [("a",), ("a", "b")]


async def test_each_is_told_its_own_error(server: Server, batcher: Batcher[str]) -> None:
    server.open.set()
    answers = await asyncio.gather(*map(batcher.ask, ("a", "nobody", "b")), return_exceptions=True)
    assert answers[::2] == ["a!", "b!"] and isinstance(answers[1], CharacterNotFound)
    assert len(server.batches) == 1


async def test_what_cannot_be_done_fails_alone(server: Server, batcher: Batcher[str]) -> None:
    server.open.set()
    answers = await asyncio.gather(*map(batcher.ask, ("a", "b", "bad", "c")), return_exceptions=True)
    assert isinstance(answers.pop(2), ValueError) and answers == ["a!", "b!", "c!"]
    assert server.batches == [("a", "b", "bad", "c"), ("a", "b"), ("bad", "c"), ("bad",), ("c",)]


async def test_a_server_that_is_away_is_not_asked_again(server: Server, batcher: Batcher[str]) -> None:
    server.open.set()
    answers = await asyncio.gather(*map(batcher.ask, ("a", "away", "b")), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert len(server.batches) == 1
    assert await batcher.ask("c") == "c!", "and the next one is served"


async def test_who_goes_away_takes_nothing_from_others(server: Server, batcher: Batcher[str]) -> None:
    under_way = [*await asked(batcher, "a", "b"), *await asked(batcher, "c")]
    waiting = await asked(batcher, "d", "e")
    for gone in (under_way[0], waiting[0]):
        gone.cancel()
    server.open.set()
    answers = await asyncio.gather(*under_way, *waiting, return_exceptions=True)
    assert answers[1:3] == ["b!", "c!"] and answers[4] == "e!"
    assert isinstance(answers[0], asyncio.CancelledError) and isinstance(answers[3], asyncio.CancelledError)
    assert server.batches[2] == ("e",), "who has gone is not asked for"
