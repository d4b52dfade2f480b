"""Events: each once and in order, over as many connections as it takes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from haversack_client import (
    Change,
    CharacterHandle,
    CharacterNotFound,
    Event,
    Haversack,
    InvalidRequest,
    NotReached,
    Reset,
    UnexpectedAnswer,
)
from haversack_client.event_frames import Frame, FrameReader
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import COIN
from tests.serving import TOKEN, Serving


def frames_of(text: bytes, size: int) -> tuple[list[Frame], float | None]:
    """The events of a text that comes in pieces of that size."""
    reader = FrameReader()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [frame for piece in pieces for frame in reader.take(piece)], reader.retry_s


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_frames(size: int) -> None:
    text = (
        b"retry: 1500\n\n: a comment\n\nid: 0.1\nevent: change\ndata: {}\n\n"
        b":\r\n\r\ndata:a\r\ndata: b\r\nid\r\nretry: soon\r\nother: x\r\n\r\nid: 0.2\n\ndata: cut off"
    )
    frames, retry_s = frames_of(text, size)
    assert frames == [Frame("change", "0.1", "{}"), Frame("message", "", "a\nb")]
    assert retry_s == 1.5
    with pytest.raises(UnexpectedAnswer):
        list(FrameReader().take(b"data: \xff\n"))


@pytest.fixture
def proxy(service: Serving) -> Iterator[FaultProxy]:
    proxy = FaultProxy(service.url)
    yield proxy
    proxy.close()


@pytest.fixture
async def followed(proxy: FaultProxy, hero: CharacterHandle) -> AsyncIterator[CharacterHandle]:
    """The hero, by way of the proxy."""
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=20) as client:
        yield client.character(hero.char_id)


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


async def test_they_begin_now_or_where_it_is_said(hero: CharacterHandle) -> None:
    first = await hero.grant("iron_sword", 1)
    async with aclosing(hero.events()) as events:
        (began,) = await take(events, 1)
        assert isinstance(began, Reset) and (began.reason, began.tag, began.seq) == ("began", first.tag, 1)
        sword = first.changes.changed[0]
        reply = await hero.equip(sword.item_id)
        (change,) = await take(events, 1)
        assert isinstance(change, Change)
        assert (change.seq, change.tag, change.ops) == (reply.seq, reply.tag, ("equip",))
        assert change.changes == reply.changes and change.id and change.at
    await hero.execute([COIN, COIN])
    for last_event_id in (change.id, reply.tag):
        async with aclosing(hero.events(last_event_id)) as events:
            (later,) = await take(events, 1)
            assert isinstance(later, Change) and later.ops == ("grant", "grant")


async def test_every_change_once_whatever_is_cut(
    proxy: FaultProxy, hero: CharacterHandle, followed: CharacterHandle
) -> None:
    async def play() -> None:
        for _ in range(300):
            await hero.execute([COIN])

    seen: list[Event] = []
    async with aclosing(followed.events((await hero.inventory()).tag)) as events:
        playing = asyncio.create_task(play())
        for number in range(4):
            seen += await take(events, 60)
            if number % 2:
                proxy.cut()
            else:
                proxy.cut_within("down", 1000)
        seen += await take(events, 60)
        await playing
    assert proxy.accepted >= 4
    assert [event.seq for event in seen] == list(range(1, 301))
    assert {type(event) for event in seen} == {Change}


async def test_what_stands_against_it(
    client: Haversack, proxy: FaultProxy, followed: CharacterHandle
) -> None:
    with pytest.raises(CharacterNotFound):
        await anext(client.character("00000000-0000-4000-8000-000000000000").events())
    with pytest.raises(InvalidRequest):
        await anext(followed.events("yesterday"))
    proxy.refuse()
    with pytest.raises(NotReached):
        await anext(followed.events(timeout_s=0.2))
