"""Many schedules in several processes; each process takes a block of seeds at a time."""

import gc
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from tests.simulation.running import run_seed

BLOCK = 250
COLLECT_EVERY = 50


class Tally(Struct):
    """What came of a block of schedules; ``failed`` has seeds and what was violated."""

    schedules: int
    failed: list[tuple[int, str]]
    answers: Counter[tuple[str, str]]


def run_block(first: int, end: int) -> Tally:
    """The schedules of some seeds, one after the other."""
    tally = Tally(0, [], Counter())
    # What a schedule leaves behind goes in circles; looking for it all the time takes a tenth of the time.
    # What is there by now stays, and need not be looked at.
    gc.disable()
    gc.freeze()
    for seed in range(first, end):
        if seed % COLLECT_EVERY == 0:
            gc.collect()
        try:
            result = run_seed(seed)
        except Exception as error:  # a fault of the simulation itself is news as well
            tally.failed.append((seed, repr(error)))
            continue
        finally:
            tally.schedules += 1
        tally.answers += result.answers
        if result.violation is not None:
            tally.failed.append((seed, result.violation))
    gc.enable()
    return tally


def campaign(first: int, schedules: int, *, processes: int | None = None) -> Iterator[Tally]:
    """Tallies as they come in."""
    end = first + schedules
    blocks = [(start, min(start + BLOCK, end)) for start in range(first, end, BLOCK)]
    # Started afresh, since a Lua runtime does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count()) as pool:
        yield from pool.imap_unordered(partial(_star, run_block), blocks)


def _star(function: "partial[Tally]", block: tuple[int, int]) -> Tally:
    return function(*block)
