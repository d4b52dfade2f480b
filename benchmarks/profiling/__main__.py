"""``python -m benchmarks.profiling``: the gateway under load, and where its CPU time went."""

import argparse
import asyncio
import os
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks import load, seqs
from benchmarks.__main__ import interruptible, say
from benchmarks.children import Child
from benchmarks.options import Options, parse
from benchmarks.profiling import flame
from benchmarks.profiling.layers import layer_of, shown_file
from benchmarks.profiling.sampler import Samples, Stack
from benchmarks.rounds import Rounds, Sample
from benchmarks.sides import SIDES, Side, start
from benchmarks.stage import Stage, stage

SERVED = {side.name: side for side in SIDES if side.server == "served"}
TRIED_S = 2
SHOWN = 30


def main() -> int:
    """Profile one side; tables on the screen, the flame graph and all stacks as files."""
    side, seconds, options = _options()
    with interruptible():
        say("starting the servers and filling the databases")
        with stage(options) as ready:
            kept = ready.home / "samples.json"
            command = [sys.executable, "-m", "benchmarks.profiling.sampler", str(kept)]
            with start("served", ready, command) as child:
                child.wait_ready()
                say(f"loading {len(ready.played):,} sessions")
                asyncio.run(seqs.load_sessions(child.url, ready.played))
                say(f"{side.label}: {seconds} s")
                sample = _play(options, ready, child, side, seconds)
            samples = msgspec.json.decode(kept.read_bytes(), type=Samples)
        print(_text(side, sample, samples))
        for path in _write(options.results, side, samples):
            print(f"Written to {path}")
        return 0


def _options() -> tuple[Side, int, Options]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("--side", choices=SERVED, default="served", help="what is sent (served)")
    parser.add_argument("--for", type=int, default=10, dest="seconds", help="how many seconds (10)")
    mine, others = parser.parse_known_args()
    return SERVED[mine.side], mine.seconds, parse(others)


def _play(options: Options, ready: Stage, child: Child, side: Side, seconds: int) -> Sample:
    rounds = Rounds(options, ready, {"served": child}, load.choose(options.generator), say)
    rounds.sample(side, TRIED_S)
    os.kill(child.pid, signal.SIGUSR1)
    sample = rounds.sample(side, seconds)
    os.kill(child.pid, signal.SIGUSR1)
    return sample


def _text(side: Side, sample: Sample, samples: Samples) -> str:
    total = sum(stack.count for stack in samples.stacks)
    cpu_us = sample.cpu_us or 0.0
    head = (
        f"\n{side.label}: {sample.measured.per_second:,.0f}/s, {cpu_us:.0f} µs of CPU each, "
        f"{total:,} samples in {samples.cpu_s:.1f} s of CPU\n"
    )
    layers: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for stack in samples.stacks:
        layers[layer_of(stack)] += stack.count
        if stack.spots:
            spot = stack.spots[-1]
            file = shown_file(spot.file)
            functions[f"{spot.function}  {file}:{spot.line}"] += stack.count
            lines[f"{file}:{stack.line}  {stack.call or '(its own instructions)'}"] += stack.count
    parts = [head]
    for title, counter in (
        ("own time by layer", layers),
        ("own time by function, C that it calls included", functions),
        ("own time by line, and what it calls", lines),
    ):
        parts += _table(title, counter, total, cpu_us)
    return "\n".join(parts)


def _table(title: str, counter: Counter[str], total: int, cpu_us: float) -> list[str]:
    lines = [f"{'%':>6} {'µs':>7}  {title}"]
    for name, count in counter.most_common(SHOWN):
        lines.append(f"{100 * count / total:6.1f} {cpu_us * count / total:7.1f}  {name[:120]}")
    return [*lines, ""]


def _write(folder: Path, side: Side, samples: Samples) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"profile-{side.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    picture, stacks = folder / f"{name}.svg", folder / f"{name}.txt"
    picture.write_text(flame.draw(samples.stacks, side.label), "utf-8")
    stacks.write_text("".join(sorted(map(_collapsed, samples.stacks))), "utf-8")
    return [picture, stacks]


def _collapsed(stack: Stack) -> str:
    """A line as tools for flame graphs read it."""
    names = [f"{shown_file(spot.file)}:{spot.function}" for spot in stack.spots] or ["loop"]
    call = stack.call.replace(";", ",").replace(" ", "")
    return f"{';'.join([*names, call] if call else names)} {stack.count}\n"


if __name__ == "__main__":
    sys.exit(main())
