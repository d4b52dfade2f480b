"""One run, from nothing to the tables: ``python -m benchmarks``."""

import asyncio
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import FrameType

import uvloop

from benchmarks import command_cost, cost, load, machine, report, seqs, statements, targets
from benchmarks.children import Child, ChildError
from benchmarks.load import Generator, LoadError
from benchmarks.options import Options, parse
from benchmarks.report import Results
from benchmarks.rounds import Rounds, Wrong
from benchmarks.seqs import NotSettled
from benchmarks.sides import SIDES, ServerName, Side, start
from benchmarks.stage import Stage, stage
from benchmarks.statements import Statements

APART = ("cost", "statements")


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all was measured; 1 when something answered wrongly, 2 for misuse, 130 for Ctrl-C."""
    options = parse(argv)
    known = [*(side.name for side in SIDES), *APART]
    if unknown := [name for name in options.only if name not in known]:
        print(f"there is no side {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        generator = load.choose(options.generator)
        _say("starting the servers and filling the databases")
        with stage(options) as ready:
            results = _measure(options, ready, generator)
    except KeyboardInterrupt:
        print("\ninterrupted: everything is stopped", file=sys.stderr)
        return 130
    except (Wrong, ChildError, LoadError, NotSettled) as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    print(f"\n{report.heading(results.head)}\n\n{report.tables(results, SIDES)}\n")
    print(f"Written to {report.write(results, options.results)}")
    return 0


def _measure(options: Options, ready: Stage, generator: Generator) -> Results:
    sides = [side for side in SIDES if not options.only or side.name in options.only]
    head = asyncio.run(machine.head(options, ready, generator))
    _say(f"{generator}, {options.rounds} rounds of {options.seconds} s for each of {len(sides)} sides")
    costs = by_kind = None
    if _wanted(options, "cost"):
        _say("server-side cost of a move")
        costs = uvloop.run(cost.measure(ready, options.rounds, options.seed))
        _say("server-side cost of every kind of command")
        measuring = command_cost.measure(ready.redis_url, ready.ruleset, options.rounds, options.seed)
        by_kind = uvloop.run(measuring)
    samples, counted = {}, {}
    with ExitStack() as stack:
        children = _start(ready, sides, stack)
        rounds = Rounds(options, ready, children, generator, _say)
        samples = rounds.run(sides)
        if _wanted(options, "statements") and ready.counts_statements:
            _say("counting PostgreSQL's statements")
            counted = _count(options, ready, rounds, [s for s in sides if s.name in ("served", "crud")])
    ratios = targets.of_rounds(samples)
    ratios += targets.of_cost(costs) if costs is not None else []
    ratios += targets.of_commands(by_kind) if by_kind is not None else []
    ratios += targets.of_statements(counted)
    return Results(head, samples, costs, by_kind, counted, ratios)


def _start(ready: Stage, sides: Sequence[Side], stack: ExitStack) -> dict[ServerName, Child]:
    children: dict[ServerName, Child] = {}
    for server in dict.fromkeys(side.server for side in sides):
        children[server] = stack.enter_context(start(server, ready))
    stack.callback(_ask_to_stop, children.values())
    for child in children.values():
        child.wait_ready()
    char_ids = [player.char_id for player in [*ready.players, ready.shared]]
    for server in ("served", "paused"):
        if server in children:
            _say(f"loading {len(char_ids):,} sessions into {server}")
            asyncio.run(seqs.load_sessions(children[server].url, char_ids))
    return children


def _ask_to_stop(children: Iterable[Child]) -> None:
    # Told at once, they stop together.
    for child in children:
        child.ask_to_stop()


def _count(options: Options, ready: Stage, rounds: Rounds, sides: Sequence[Side]) -> dict[str, Statements]:
    found = {}
    asyncio.run(statements.set_counting(ready.databases["served"], on=True))
    for side in sides:
        url = ready.databases[side.server]
        before = asyncio.run(statements.counted(url))
        sample = rounds.sample(side, options.seconds)
        after = asyncio.run(statements.counted(url))
        found[side.name] = Statements(after - before, sample.measured.sent, sample.measured.per_second)
    asyncio.run(statements.set_counting(ready.databases["served"], on=False))
    return found


def _wanted(options: Options, name: str) -> bool:
    return not options.only or name in options.only


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
