"""A store on a fresh database, a receiver, and outboxes between the two."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from engine.ruleset import Ruleset
from persistence.outbox.outbox import Outbox
from persistence.outbox.signing import secrets_of
from persistence.outbox.sink import Sink
from persistence.outbox.status import outbox_status
from persistence.outbox.webhook import WebhookSink
from persistence.postgres.store import InventoryStore
from tests.outbox.receiver import SECRET, Receiver, receiving
from tests.servers import Servers

Opened = Callable[..., AbstractAsyncContextManager[Outbox]]


@pytest.fixture
async def url(servers: Servers) -> str:
    """Of a fresh database."""
    return await servers.fresh_database()


@pytest.fixture
async def store(url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    store = await InventoryStore.connect(url, ruleset)
    yield store
    await store.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def outbox(url: str, store: InventoryStore, receiver: Receiver) -> Opened:
    """One more process's outbox, which looks through all characters ten times a second."""

    @asynccontextmanager
    async def opened(sink: Sink | None = None, walk_pause_s: float = 0.1) -> AsyncIterator[Outbox]:
        sink = sink or WebhookSink(receiver.url, secrets_of(SECRET), timeout_s=2)
        outbox = Outbox(url, store.database, sink, walk_pause_s=walk_pause_s)
        outbox.start()
        try:
            while (await outbox_status(store.database)).begun_at is None:
                await asyncio.sleep(0.005)
            yield outbox
        finally:
            await outbox.stop()

    return opened
