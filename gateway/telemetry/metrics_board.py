"""The numbers of all workers, in memory that they share.

The parent maps it before it forks. Each worker counts in a part of its own, and whichever is scraped reads
all parts: no message goes between processes, and nothing is written to a disk. The usual way, a file for
each process and kind of metric, costs the hot path ten times as much, and what dead processes have left has
to be swept up. Here a worker that takes a dead one's place goes on where that one stopped; so a sum over the
workers never goes backwards as long as the service lives, and nothing that was counted is lost.
"""

import mmap
from time import monotonic_ns
from typing import Final

from engine.ruleset import Ruleset
from gateway.telemetry.measures import PID, SEEN_NS, Declared
from persistence.meters import NS_PER_S, Meters

# A worker that has not been seen for so long is dead, or does nothing but one thing.
SEEN_S: Final = 5.0
# Parts begin at different lines of the processors' caches, or workers would wait for each other.
_LINE: Final = 8


class Board:
    """One part for each of ``workers`` processes; ``parts[0]`` is the first worker's."""

    def __init__(self, ruleset: Ruleset, workers: int = 1) -> None:
        """Map the memory, all numbers at 0; forks of this process share it."""
        self.ruleset = ruleset
        self.declared = Declared(ruleset)
        size = -(-Meters.size_of(self.declared.counted) // _LINE) * _LINE
        memory = memoryview(mmap.mmap(-1, 8 * size * workers)).cast("q")
        self.parts = [
            Meters(self.declared.counted, memory[size * number : size * (number + 1)])
            for number in range(workers)
        ]

    def seen(self, part: Meters) -> bool:
        """Whether the process that counts there lives, and is not stuck."""
        return part.get(PID) > 0 and monotonic_ns() - part.get(SEEN_NS) < SEEN_S * NS_PER_S
