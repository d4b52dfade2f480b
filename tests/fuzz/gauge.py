"""What a process holds, looked at while it serves: the first third of the looks against the last."""

from dataclasses import dataclass, field
from statistics import median

import psutil

# Less than any leak of a connection's worth would come to in a campaign of minutes.
GROWTH_BYTES_MAX = 8 << 20
GROWTH_DESCRIPTORS_MAX = 8


@dataclass
class Gauge:
    """Memory in bytes, and open descriptors, by time."""

    process: psutil.Process
    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Note both; ``psutil.NoSuchProcess`` where it has ended."""
        self.memory.append(self.process.memory_info().rss)
        self.descriptors.append(self.process.num_fds())

    def judge(self) -> None:
        """Assert that neither has grown: medians, since single looks meet with what is under way."""
        before, after = thirds(self.memory)
        assert after - before < GROWTH_BYTES_MAX, self.told()
        before, after = thirds(self.descriptors)
        assert after - before < GROWTH_DESCRIPTORS_MAX, self.told()

    def told(self) -> str:
        """Both thirds of both, in words."""
        memory = " to ".join(f"{size / (1 << 20):.1f}" for size in thirds(self.memory))
        descriptors = " to ".join(f"{number:.0f}" for number in thirds(self.descriptors))
        return f"memory from {memory} MiB, descriptors from {descriptors}"


def thirds(values: list[int]) -> tuple[float, float]:
    """The medians of the first and of the last third."""
    third = len(values) // 3 or 1
    return median(values[:third]), median(values[-third:])
