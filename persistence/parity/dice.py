"""Random choices, quick ones: half of a run's Python is spent on choosing what to play."""

import random
from collections.abc import Sequence
from typing import TypeVar

from engine.bounds import ATTRIBUTE_MAX

_T = TypeVar("_T")


class Dice(random.Random):
    """``random.Random`` with the shapes of choice that worlds and players need."""

    def pick(self, options: Sequence[_T]) -> _T:
        """One of the options, which are not none."""
        return options[int(self.random() * len(options))]

    def chance(self, share: float) -> bool:
        """True in that share of all cases."""
        return self.random() < share

    def below(self, end: int) -> int:
        """A number from 0 to ``end`` - 1."""
        return int(self.random() * end)

    def some(self, options: Sequence[_T], most: int) -> tuple[_T, ...]:
        """Up to ``most`` different ones of the options, in their order."""
        count = min(len(options), self.below(most + 1))
        chosen = sorted(self.sample(range(len(options)), count))
        return tuple(options[index] for index in chosen)

    def near(self, value: int) -> int:
        """A number that is often just missed or just reached, from zero to what an attribute may be."""
        return min(ATTRIBUTE_MAX, max(0, value + self.pick((-2, -1, 0, 0, 1))))
