"""The ratios that matter, and what they should be."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.flush_rate import FlushRate
from benchmarks.memory import Memory
from benchmarks.played import Played
from benchmarks.rounds import Sample
from benchmarks.statements import Statements
from benchmarks.stats import Spread, ratio, spread

Sense = Literal[">=", "<="]


class Ratio(Struct, frozen=True):
    """A ratio of one run. ``target`` None: only to be known."""

    label: str
    value: Spread
    sense: Sense = ">="
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
    sense: Sense = ">="
    target: float | None = None


# A second worker has nothing to run on where the load, Redis and PostgreSQL have no core beside it.
WORKERS_CORES = 6
KEPT_PACE = 0.95
_PAIRS = (
    _Pair("hot move as served / floor B", "served", "floor_b", "rate", ">=", 0.55),
    _Pair("hot move, flusher paused / floor B", "paused", "floor_b", "rate", ">=", 0.75),
    _Pair("CPU of the gateway's process a hot move / floor B's", "served", "floor_b", "cpu", "<=", 1.5),
    _Pair("the same, flusher paused", "paused", "floor_b", "cpu", "<="),
    _Pair("hot move as served / CRUD mode", "served", "crud", "rate", ">=", 5),
    _Pair("hot move as served / one PL/pgSQL function a move", "served", "function", "rate"),
    _Pair("one shared inventory / spread, as served", "served_shared", "served", "rate", ">=", 0.9),
    _Pair("one shared inventory / spread, CRUD mode", "crud_shared", "crud", "rate"),
    _Pair("one shared inventory / spread, PL/pgSQL function", "function_shared", "function", "rate"),
    _Pair("one shared inventory, as served / CRUD mode", "served_shared", "crud_shared", "rate"),
    _Pair("bulk / hot move as served", "bulk", "served", "rate", ">=", 3),
    _Pair("stream, JSON / hot move as served", "stream_json", "served", "rate", ">=", 3),
    _Pair("stream, msgpack / hot move as served", "stream_msgpack", "served", "rate"),
    _Pair("GET inventory, 80 items / floor B", "read", "floor_b", "rate", ">=", 0.33),
    _Pair("CPU of a hot move, checks on / off (flusher paused)", "paused", "unchecked", "cpu", "<=", 1.05),
)


def of_rounds(samples: Mapping[str, Sequence[Sample]], cores: int) -> list[Ratio]:
    """Ratios between sides, where both were run; ``cores`` of the machine decide about workers."""
    found = []
    for pair in (*_PAIRS, _workers(cores)):
        above, below = (_values(samples.get(name, ()), pair.metric) for name in (pair.above, pair.below))
        if above and below:
            found.append(Ratio(pair.label, ratio(above, below), pair.sense, pair.target))
    return found


def _workers(cores: int) -> _Pair:
    if cores >= WORKERS_CORES:
        return _Pair("two workers / one", "workers", "served", "rate", ">=", 1.6)
    label = f"CPU of a hot move, two workers / one (throughput needs {WORKERS_CORES} cores)"
    return _Pair(label, "workers", "served", "cpu", "<=")


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


def of_memory(memory: Memory) -> list[Ratio]:
    """Of all sizes in one: the median, least and most are over the numbers of items."""
    values = [memory.session_bytes[size] / memory.json_bytes[size] for size in memory.json_bytes]
    sizes = ", ".join(f"{size:,}" for size in memory.json_bytes)
    return [Ratio(f"memory of a session / its DTO as JSON ({sizes} items)", spread(values), "<=", 1.8)]


def of_flush(flush: FlushRate) -> list[Ratio]:
    """The flusher against what it comes to."""
    label = "flush, sessions/s through the flusher / the same statements bare"
    return [Ratio(label, ratio(flush.flusher, flush.bare), ">=", 0.6)]


def of_statements(statements: Mapping[str, Statements], played: Played | None) -> list[Ratio]:
    """Statements a move."""
    found = []
    if played is not None:
        label = (
            f"PostgreSQL statements a move, {played.sessions:,} sessions at"
            f" {played.statements.moves_per_second:,.0f} moves/s"
        )
        if played.statements.moves_per_second < KEPT_PACE * played.wanted_per_second:
            # Fewer moves than were wanted is another measurement, and the easier one.
            label += f", short of {played.wanted_per_second:,.0f}"
        found.append(Ratio(label, spread([played.statements.per_move]), "<=", 0.01))
    labels = {"served": "HTTP at full speed", "crud": "CRUD mode", "function": "PL/pgSQL function"}
    return found + [
        Ratio(f"PostgreSQL statements a move, {labels[name]}", spread([counted.per_move]), "<=")
        for name, counted in statements.items()
    ]


def _values(samples: Sequence[Sample], metric: Literal["rate", "cpu"]) -> list[float]:
    if metric == "rate":
        return [sample.measured.per_second for sample in samples]
    return [sample.cpu_us for sample in samples if sample.cpu_us is not None]
