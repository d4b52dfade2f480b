"""What the measurements share: figures with their spread, bounds, and a load on live sessions."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.chaos.lag import LagSampler
from tests.chaos.session_load import SessionLoad
from tests.chaos.stage import Stage


class BeyondBound(Exception):
    """A figure that is not what it must be."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def at(share: float, values: Sequence[float]) -> float:
    """A quantile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def spread(values: Sequence[float], unit: float = 1000.0) -> str:
    """Median, least and most."""
    return f"{unit * at(0.5, values):.0f} ({unit * min(values):.0f} to {unit * max(values):.0f})"


def must(holds: bool, words: str) -> None:
    if not holds:
        raise BeyondBound(words)


@asynccontextmanager
async def playing(
    made: Stage, characters: list[str], per_s: float
) -> AsyncIterator[tuple[SessionLoad, LagSampler]]:
    """All sessions live, then a steady load on them, and the lag of each call."""
    urls = [process.url for process in made.gateways]
    async with LagSampler(made.postgres.url, len(characters)) as sampler:
        async with SessionLoad(urls, characters, 0, sampler.on_reply) as first:
            for _ in range(3):
                # On a busy machine a load may run into its time; it is made again.
                await first.once(number for number, seq in enumerate(sampler.acknowledged) if not seq)
            must(all(sampler.acknowledged), f"not all could be loaded: {dict(first.answers)}")
            await sampler.until_caught_up(60)
        sampler.restart()
        async with SessionLoad(urls, characters, per_s, sampler.on_reply) as load:
            yield load, sampler
