"""What may happen to one character, and its session as it was."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from persistence.orchestrator import InventoryOrchestrator
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

OTHER = "0f0e0d0c-0b0a-4908-8706-0504030201ff"
SESSION, JOURNAL = f"inventory:session:{CHAR_ID}", f"inventory:journal:{CHAR_ID}"


class Died(Exception):
    """The process ends here, as far as anybody can see."""


Act = Callable[[], Awaitable[object]]


def once(
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    *,
    before: Act | None = None,
    after: Act | None = None,
) -> None:
    """Let something happen at the next call of a step: before it, or right after it took effect."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def step(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(owner, method, real)
        if before is not None:
            await before()
        result = await real(*args, **kwargs)
        if after is not None:
            await after()
        return result

    monkeypatch.setattr(owner, method, step)


def raising(error: Exception) -> Act:
    async def act() -> None:
        raise error

    return act


def dies_at(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, *, after: bool = False) -> None:
    """Make a step the last thing that a process does: before it, or right after it took effect."""
    once(monkeypatch, owner, method, **{"after" if after else "before": raising(Died())})


def copied(site: Site) -> dict[str, Any]:
    """Session and journal as they are now."""
    return {key: site.client.dump(key) for key in (SESSION, JOURNAL)}


def put_back(site: Site, old: dict[str, Any]) -> None:
    """What a node has that came back with an old state."""
    for key, value in old.items():
        site.client.delete(key)
        site.client.restore(key, 0, value)


async def gone_back(site: Site, gateway: InventoryOrchestrator) -> None:
    """A session of one call, from before another one was made and flushed."""
    await live(site, gateway)
    old = copied(site)
    await do(gateway, grant("ring"))
    await gateway._flusher._writes.flush([CHAR_ID])
    put_back(site, old)


async def live(site: Site, gateway: InventoryOrchestrator) -> None:
    await gateway.load_session(CHAR_ID)
    await do(gateway, grant("dagger"))
