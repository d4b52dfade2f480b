"""Something that somebody else does between two steps of a scenario."""

from collections.abc import Awaitable, Callable
from typing import Any


def once(
    owner: Any,
    method: str,
    *,
    before: Callable[[], Awaitable[object]] | None = None,
    after: Callable[[], Awaitable[object]] | None = None,
    instead: Callable[..., Awaitable[Any]] | None = None,
) -> None:
    """At the next call of a step: before it, right after it took effect, or in its place."""
    real = getattr(owner, method)

    async def step(*args: Any, **kwargs: Any) -> Any:
        setattr(owner, method, real)
        if before is not None:
            await before()
        result = await (instead or real)(*args, **kwargs)
        if after is not None:
            await after()
        return result

    setattr(owner, method, step)


def raising(error: Exception) -> Callable[..., Awaitable[Any]]:
    async def act(*_: Any, **__: Any) -> Any:
        raise error

    return act
