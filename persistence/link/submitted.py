"""A call that was handed in: under way already where it can be, begun when awaited where it cannot."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

from engine.refusals import Refusal
from persistence.records import TagMismatch

Answer = bytes | Refusal | TagMismatch


class Submitted:
    """What a call comes to, to be awaited exactly once; see ``CommandRunner.submit``.

    ``quick``: it was sent, and is answered in Redis's own order. Otherwise it takes steps that wait
    for more than Redis, and nothing is done before it is awaited.
    """

    __slots__ = ("_reply", "_rest", "quick")

    def __init__(self, reply: asyncio.Future[Any] | None, rest: Callable[[Any], Awaitable[Answer]]) -> None:
        """``reply``: the mirror's, to come; ``rest`` makes the answer of one that is not a plain "OK"."""
        self._reply: Final = reply
        self._rest: Final = rest
        self.quick: Final = reply is not None

    def __await__(self) -> Generator[Any, None, Answer]:
        """The answer. No coroutine of its own: most calls end with the first comparison."""
        reply = None
        if self._reply is not None:
            reply = yield from self._reply
            if reply.__class__ is list and reply[0] == b"OK":
                body: bytes = reply[1]
                return body
        return (yield from self._rest(reply).__await__())
