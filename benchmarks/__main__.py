"""One run, from nothing to the tables: ``python -m benchmarks``."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

import uvloop

from benchmarks import (
    charts,
    command_cost,
    cost,
    flush_rate,
    load,
    machine,
    many,
    memory,
    played,
    report,
    seqs,
    statements,
    targets,
)
from benchmarks.children import Child, ChildError
from benchmarks.load import Generator, LoadError
from benchmarks.options import Options, parse
from benchmarks.report import Results
from benchmarks.rounds import Rounds, Wrong
from benchmarks.seqs import NotSettled
from benchmarks.sides import SIDES, WITH_SESSIONS, ServerName, start
from benchmarks.stage import Stage, stage
from benchmarks.statements import Statements

# What stands by itself, beside the sides.
APART = ("cost", "commands", "memory", "flush", "statements", "played", "many")
FILES = 65_536
COUNTED = [side for side in SIDES if side.name in ("served", "crud", "function")]


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all was measured; 1 when something answered wrongly, 2 for misuse, 130 for Ctrl-C."""
    options = parse(argv)
    known = [*(side.name for side in SIDES), *APART]
    if unknown := [name for name in options.only if name not in known]:
        print(f"there is no side {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    with interruptible():
        _allow_many_files()
        began = time.monotonic()
        generator = load.choose(options.generator)
        say("starting the servers and filling the databases")
        with stage(options) as ready:
            results = _measure(options, ready, generator)
        print(f"\n{report.heading(results.head)}\n\n{report.text(results)}\n")
        print(f"Written to {report.write(results, options.results)} after {time.monotonic() - began:.0f} s")
        if options.charts:
            print(f"Drawn: {', '.join(map(str, charts.draw(results)))}")
        return 0


@contextmanager
def interruptible() -> Iterator[None]:
    """Ends the process where something was wrong, or somebody wants it to; everything is stopped by then."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("\ninterrupted: everything is stopped", file=sys.stderr)
        sys.exit(130)
    except (Wrong, ChildError, LoadError, NotSettled) as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        sys.exit(1)


def _measure(options: Options, ready: Stage, generator: Generator) -> Results:
    sides = [side for side in SIDES if not options.only or side.name in options.only]
    results = Results(head=asyncio.run(machine.head(options, ready, generator)))
    _server_side(options, ready, results)
    counting = ready.counts_statements and (_wanted(options, "statements") or _wanted(options, "played"))
    with ExitStack() as stack:
        needed = [side.server for side in sides]
        if counting:
            needed += [side.server for side in COUNTED if _wanted(options, "statements")] or ["served"]
        children = _start(ready, needed, stack)
        rounds = Rounds(options, ready, children, generator, say)
        if sides:
            say(f"{generator}, {options.rounds} rounds of {options.seconds} s for each of {len(sides)} sides")
            results.samples = rounds.run(sides)
        if counting:
            _count(options, ready, rounds, results)
    if _wanted(options, "many"):
        say("one session and many")
        results.many = many.measure(ready, options.steps, options.storm, options.many_s, options.seed, say)
    results.ratios = targets.of_rounds(results.samples, os.cpu_count() or 1)
    results.ratios += targets.of_cost(results.cost) if results.cost is not None else []
    results.ratios += targets.of_commands(results.commands) if results.commands is not None else []
    results.ratios += targets.of_memory(results.memory) if results.memory is not None else []
    results.ratios += targets.of_flush(results.flush) if results.flush is not None else []
    results.ratios += targets.of_statements(results.statements, results.played)
    return results


def _server_side(options: Options, ready: Stage, results: Results) -> None:
    """What is measured without a gateway, while nobody else uses the Valkey."""
    if _wanted(options, "memory"):
        results.memory = uvloop.run(memory.measure(ready.redis_url, ready.ruleset, options.seed))
    if _wanted(options, "cost"):
        say("server-side cost of a move")
        results.cost = uvloop.run(cost.measure(ready, options.cost_rounds, options.seed))
    if _wanted(options, "commands"):
        say("server-side cost of every kind of command")
        measuring = command_cost.measure(
            ready.redis_url, ready.ruleset, options.cost_rounds, options.seed, runs=options.cost_runs
        )
        results.commands = uvloop.run(measuring)
    if _wanted(options, "flush"):
        say("sessions through the flusher")
        results.flush = uvloop.run(flush_rate.measure(ready, options.rounds))


def _start(ready: Stage, servers: Iterable[ServerName], stack: ExitStack) -> dict[ServerName, Child]:
    children: dict[ServerName, Child] = {}
    for server in dict.fromkeys(servers):
        children[server] = stack.enter_context(start(server, ready))
    stack.callback(_ask_to_stop, children.values())
    for child in children.values():
        child.wait_ready()
    for server in children:
        if server in WITH_SESSIONS:
            say(f"loading {len(ready.played):,} sessions into {server}")
            asyncio.run(seqs.load_sessions(children[server].url, ready.played))
    return children


def _ask_to_stop(children: Iterable[Child]) -> None:
    # Told at once, they stop together.
    for child in children:
        child.ask_to_stop()


def _count(options: Options, ready: Stage, rounds: Rounds, results: Results) -> None:
    say("counting PostgreSQL's statements")
    asyncio.run(statements.set_counting(ready.databases["served"], on=True))
    if _wanted(options, "statements"):
        for side in COUNTED:
            url = ready.databases[side.server]
            before = asyncio.run(statements.counted(url))
            measured = rounds.sample(side, options.seconds).measured
            after = asyncio.run(statements.counted(url))
            results.statements[side.name] = Statements(after - before, measured.sent, measured.per_second)
    if _wanted(options, "played"):
        results.played = played.measure(ready, rounds, options.played_s)
    asyncio.run(statements.set_counting(ready.databases["served"], on=False))


def _allow_many_files() -> None:
    """A storm has thousands of connections, in the server and in the generator."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _wanted(options: Options, name: str) -> bool:
    return not options.only or name in options.only


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"  {line}", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
