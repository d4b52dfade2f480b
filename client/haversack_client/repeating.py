"""Attempts at one call, until it is answered, must not be repeated, or its time is over."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from haversack_client.errors import HaversackError, OutcomeUnknown

T = TypeVar("T")


class Timing(Struct, frozen=True):
    """How long a call may take with all its attempts, how long one attempt, and the waits between.

    The wait before the first repeat is random up to ``first_wait_s``, and its bound is doubled each
    time up to ``wait_max_s``, so that thousands who lost the same server do not come back as one.
    """

    timeout_s: float = 30.0
    attempt_timeout_s: float = 10.0
    first_wait_s: float = 0.05
    wait_max_s: float = 2.0

    def ends(self, timeout_s: float | None) -> float:
        """When a call that begins now has to be over, by the loop's clock."""
        return asyncio.get_running_loop().time() + (self.timeout_s if timeout_s is None else timeout_s)

    def wait_s(self, failures: int, retry_after_s: float) -> float:
        """How long to wait after so many failures, at least as long as the service asks for."""
        bound = min(self.wait_max_s, self.first_wait_s * 2.0 ** min(failures - 1, 30))
        return retry_after_s + random.uniform(0.0, bound)  # noqa: S311 - spreads load, guards nothing


async def until_answered(
    attempt: Callable[[float], Awaitable[T]],
    timing: Timing,
    ends: float,
    *,
    repeats: bool = True,
    changes: bool = False,
    key: str | None = None,
) -> T:
    """What ``attempt`` returns, which gets the seconds that are left.

    Not ``repeats``: one attempt only. ``changes``: an error that leaves open whether something was
    done, be it in an earlier attempt, is raised as ``OutcomeUnknown`` with ``key``.
    """
    loop = asyncio.get_running_loop()
    in_doubt = False
    for failures in itertools.count(1):
        try:
            return await attempt(ends - loop.time())
        except HaversackError as error:
            in_doubt = in_doubt or error.may_have_been_done
            wait_s = timing.wait_s(failures, error.retry_after_s)
            if not (repeats and error.transient) or loop.time() + wait_s >= ends:
                if changes and in_doubt and not error.settles:
                    raise OutcomeUnknown(key) from error
                raise
        await asyncio.sleep(wait_s)
    raise AssertionError("unreachable")
