"""What was measured, as tables of text."""

from collections.abc import Mapping, Sequence

from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.flush_rate import FlushRate
from benchmarks.many import Many
from benchmarks.memory import Memory
from benchmarks.played import Played
from benchmarks.rounds import Sample
from benchmarks.sides import Side
from benchmarks.statements import Statements
from benchmarks.stats import ratio as ratio_of
from benchmarks.stats import spread
from benchmarks.targets import Ratio

WIDTH = 40
STATEMENT_LABELS = {
    "served": "HTTP, as fast as it goes",
    "crud": "CRUD mode",
    "function": "one PL/pgSQL function a move",
}


def sides(samples: Mapping[str, Sequence[Sample]], shown: Sequence[Side]) -> str:
    """A line for each side that was run."""
    lines = [
        f"{'requests a second':{WIDTH}} {'median':>9} {'±':>5} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8}"
        f" {'p99.9 ms':>9} {'CPU µs':>7} {'load CPU':>9} {'durable after':>14}"
    ]
    for side in shown:
        runs = samples[side.name]
        rate = spread([run.measured.per_second for run in runs])
        latencies = [
            spread([getattr(run.measured, name) for run in runs]).median
            for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms")
        ]
        p50_ms, p90_ms, p99_ms, p999_ms = latencies
        load = spread([100 * run.measured.generator_cpu_s / run.measured.seconds for run in runs])
        cpu = [run.cpu_us for run in runs if run.cpu_us is not None]
        settle = [run.settle_s for run in runs if run.settle_s is not None]
        lines.append(
            f"{side.label:{WIDTH}} {rate.median:9,.0f} {rate.percent:4.0f}% {p50_ms:8.2f} {p90_ms:8.2f}"
            f" {p99_ms:8.2f} {p999_ms:9.2f} {f'{spread(cpu).median:.0f}' if cpu else '-':>7}"
            f" {load.median:8.0f}% {f'{spread(settle).median:.2f} s' if settle else '-':>14}"
        )
    return "\n".join(lines)


def cost(found: Cost) -> str:
    """Server-side time of a move."""
    lines = [f"{'server-side µs of a call':{WIDTH}} {'median':>9} {'±':>5}"]
    rows = [("FCALL that reads 3, writes 2, pushes 1", found.floor_us)]
    rows += [(f"move among {size:,} items", values) for size, values in found.moves_us.items()]
    for label, values in rows:
        of_rounds = spread(values)
        lines.append(f"{label:{WIDTH}} {of_rounds.median:9.1f} {of_rounds.percent:4.0f}%")
    return "\n".join(lines)


def commands(found: CommandCost) -> str:
    """Server-side time of every kind of command."""
    least, *more = sorted(found.sizes)
    head = [f"{'server-side µs among items':{WIDTH}}"]
    head += [f"{size:>8,} {'±':>6}" for size in (least, *more)]
    head += [f"{f'{size:,}/{least}':>9}" for size in more]
    rows = [*found.kinds_us.items(), ("all kinds", {size: found.mix_us(size) for size in found.sizes})]
    return "\n".join([" ".join(head), *(_command(label, by_size, least, more) for label, by_size in rows)])


def _command(label: str, by_size: Mapping[int, Sequence[float]], least: int, more: Sequence[int]) -> str:
    cells = [f"{label:{WIDTH}}"]
    for size in (least, *more):
        found = spread(by_size[size])
        cells.append(f"{found.median:8.1f} {found.percent:5.0f}%")
    cells += [f"{ratio_of(by_size[size], by_size[least]).median:9.2f}" for size in more]
    return " ".join(cells)


def memory(found: Memory) -> str:
    """Sessions in Redis beside their DTOs."""
    lines = [
        f"{'bytes of a session':{WIDTH}} {'in Redis':>9} {'as JSON':>9} {'ratio':>6} {'reply to GET':>13}"
    ]
    for size, session_bytes in found.session_bytes.items():
        json_bytes = found.json_bytes[size]
        label = f"{size:,} items"
        lines.append(
            f"{label:{WIDTH}} {session_bytes:9,} {json_bytes:9,} {session_bytes / json_bytes:6.2f}"
            f" {found.reply_bytes[size]:13,}"
        )
    return "\n".join(lines)


def flush(found: FlushRate) -> str:
    """The flusher beside PostgreSQL's own rate."""
    lines = [f"{'sessions flushed a second':{WIDTH}} {'median':>9} {'±':>6} {'CPU µs':>8}"]
    rows = (
        ("through the flusher", found.flusher, f"{spread(found.flusher_cpu_us).median:8.1f}"),
        ("the same statements, bare", found.bare, f"{'-':>8}"),
    )
    for label, rates, cpu in rows:
        rate = spread(rates)
        lines.append(f"{label:{WIDTH}} {rate.median:9,.0f} {rate.percent:5.0f}% {cpu}")
    return "\n".join(lines)


def statements(found: Mapping[str, Statements], played: Played | None) -> str:
    """Statements that PostgreSQL was given a move, and lags."""
    lines = [
        f"{'statements in PostgreSQL':{WIDTH}} {'a move':>9} {'moves/s':>9} {'lag p50':>9} {'lag p99':>9}"
    ]
    for name, counted in found.items():
        label = STATEMENT_LABELS[name]
        lines.append(f"{label:{WIDTH}} {counted.per_move:9.4f} {counted.moves_per_second:9,.0f}")
    if played is not None:
        label = f"{played.sessions:,} sessions, 10 moves/s each"
        counted, lags = played.statements, played.lags
        lines.append(
            f"{label:{WIDTH}} {counted.per_move:9.4f} {counted.moves_per_second:9,.0f}"
            f" {lags.p50_ms:6.0f} ms {lags.p99_ms:6.0f} ms"
        )
        lines.append(
            f"  wanted {played.wanted_per_second:,.0f} moves/s; replies after p50 {played.p50_ms:.1f} ms,"
            f" p99 {played.p99_ms:.1f} ms; load CPU {100 * played.generator_cpu_s / played.seconds:.0f}%"
        )
    return "\n".join(lines)


def many(found: Many) -> str:
    """Steps up to many sessions, and the storm."""
    lines = [
        f"{'live sessions':>13} {'moves/s':>9} {'CPU µs':>7} {'p99 ms':>8} {'durable after':>14}"
        f" {f'lag p50 at {found.pace:,.0f}/s':>18} {'lag p99':>9} {'KiB each':>9} {'loads/s':>8}"
    ]
    for step in found.steps:
        rate = f"{step.loads_per_second:,.0f}" if step.sessions > 1 else "-"
        size = f"{step.bytes_each / 1024:.1f}" if step.bytes_each else "-"
        lines.append(
            f"{step.sessions:13,} {step.full_speed.per_second:9,.0f} {step.cpu_us:7.0f}"
            f" {step.full_speed.p99_ms:8.1f} {step.durable_after_s:12.2f} s {step.lags.p50_ms:15.0f} ms"
            f" {step.lags.p99_ms:6.0f} ms {size:>9} {rate:>8}"
        )
    storm = found.storm
    lines.append(
        f"{storm.loads:,} loads at once: {storm.per_second:,.0f}/s, p50 {storm.p50_ms:,.0f} ms,"
        f" p99 {storm.p99_ms:,.0f} ms, {storm.refused:,} refused"
    )
    return "\n".join(lines)


def ratios(found: Sequence[Ratio]) -> str:
    """Ratios against their targets."""
    width = max(len(ratio.label) for ratio in found)
    lines = [f"{'ratio':{width}} {'median':>8} {'least':>8} {'most':>8}  target"]
    for ratio in found:
        target = ""
        if ratio.target is not None:
            word = "reached" if ratio.met else "NOT REACHED"
            target = f"{ratio.sense} {ratio.target:g}  {word}"
        values = " ".join(
            f"{value:8.3f}" for value in (ratio.value.median, ratio.value.least, ratio.value.most)
        )
        lines.append(f"{ratio.label:{width}} {values}  {target}".rstrip())
    return "\n".join(lines)
