"""The ratios that matter, and what they should be."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.rounds import Sample
from benchmarks.statements import Statements
from benchmarks.stats import Spread, ratio, spread


class Ratio(Struct, frozen=True):
    """A ratio of one run. ``target`` None: only to be known."""

    label: str
    value: Spread
    sense: Literal[">=", "<="] = ">="
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median is good enough."""
        if self.target is None:
            return None
        return self.value.median >= self.target if self.sense == ">=" else self.value.median <= self.target


class _Pair(Struct, frozen=True):
    label: str
    above: str
    below: str
    metric: Literal["rate", "cpu"]
    sense: Literal[">=", "<="] = ">="
    target: float | None = None


_PAIRS = (
    _Pair("hot move as served / floor B", "served", "floor_b", "rate", ">=", 0.55),
    _Pair("hot move, flusher paused / floor B", "paused", "floor_b", "rate", ">=", 0.75),
    _Pair("CPU of the gateway's process a hot move / floor B's", "served", "floor_b", "cpu", "<=", 1.5),
    _Pair("the same, flusher paused", "paused", "floor_b", "cpu", "<="),
    _Pair("hot move as served / CRUD mode", "served", "crud", "rate", ">=", 5),
    _Pair("one shared inventory / spread, as served", "served_shared", "served", "rate", ">=", 0.9),
    _Pair("one shared inventory / spread, CRUD mode", "crud_shared", "crud", "rate"),
    _Pair("one shared inventory, as served / CRUD mode", "served_shared", "crud_shared", "rate"),
)


def of_rounds(samples: Mapping[str, Sequence[Sample]]) -> list[Ratio]:
    """Ratios between sides, where both were run."""
    found = []
    for pair in _PAIRS:
        above, below = (_values(samples.get(name, ()), pair.metric) for name in (pair.above, pair.below))
        if above and below:
            found.append(Ratio(pair.label, ratio(above, below), pair.sense, pair.target))
    return found


def of_cost(cost: Cost) -> list[Ratio]:
    """Ratios of server-side time."""
    sizes = sorted(cost.moves_us)
    least, most = sizes[0], sizes[-1]
    return [
        Ratio(
            f"server-side time of a move, {most:,} items / {least}",
            ratio(cost.moves_us[most], cost.moves_us[least]),
            "<=",
            1.2,
        ),
        Ratio(
            "server-side time of a move / an FCALL that only reads 3, writes 2, pushes 1",
            ratio(cost.moves_us[least], cost.floor_us),
            "<=",
            6,
        ),
    ]


def of_commands(cost: CommandCost) -> list[Ratio]:
    """Ratios of server-side time among many items and among few: of all kinds, and of the worst."""
    least, *more = sorted(cost.sizes)
    most = more[-1]
    found = [
        Ratio(
            f"server-side time of all kinds of commands, {size:,} items / {least}",
            ratio(cost.mix_us(size), cost.mix_us(least)),
            "<=",
            1.2,
        )
        for size in reversed(more)
    ]
    of_kinds = {kind: ratio(by[most], by[least]) for kind, by in cost.kinds_us.items()}
    worst = max(of_kinds, key=lambda kind: of_kinds[kind].median)
    label = f"the same of the worst kind ({worst}), {most:,} / {least}"
    return [*found, Ratio(label, of_kinds[worst], "<=", 1.2)]


def of_statements(statements: Mapping[str, Statements]) -> list[Ratio]:
    """Statements a move."""
    labels = {
        "served": ("PostgreSQL statements a move, as served", 0.01),
        "crud": ("PostgreSQL statements a move, CRUD mode", None),
    }
    return [
        Ratio(labels[name][0], spread([found.per_move]), "<=", labels[name][1])
        for name, found in statements.items()
    ]


def _values(samples: Sequence[Sample], metric: Literal["rate", "cpu"]) -> list[float]:
    if metric == "rate":
        return [sample.measured.per_second for sample in samples]
    return [sample.cpu_us for sample in samples if sample.cpu_us is not None]
