"""A model of the protocol, and a search through all of its states: docs/protocol.md, "Model".

The model is the protocol alone: a character is a row in PostgreSQL, two nodes of Redis of which one
answers, and the messages under way. ``state.py`` has these, and one file has each part of the
protocol, as functions that mirror those of the service: ``load.py``, ``apply.py``, ``flush.py``,
``evict.py``, ``node.py`` for nodes that fail and come back, ``trade.py``.

**What may happen.** In each state every process may take its next step, and every message may
arrive: late, twice, or never, since none is ever taken off the wire. A process that dies is one
whose next step never comes. What begins something new or goes wrong has a budget, which bounds the
number of states (``configurations.py``); each configuration is exhausted. What Redis or PostgreSQL
does in one call is one step, since there it is atomic as well.

**Safety** (``properties.py``) is judged in every state. The search is breadth first, so the first
counterexample is a shortest one.

**Liveness** (``recovery.py``) is judged from every state, too: with everything on the way lost,
deterministic schedules of the flusher and of a player who comes back must reach a good end within
a bound.

**Guards** (``guards.py``) can be switched off one by one; ``test_model.py`` shows that each is needed.

**Left out:** catalogs and rulesets (a refresh changes no content), back-pressure (it refuses, and a
refusal changes nothing), the ring's bounds (a run is shorter than either), pages and batches,
restores of PostgreSQL from a backup, and two nodes that answer at once.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model import apply, evict, flush, load, node, properties, recovery, trade
from tests.model.configurations import Configuration
from tests.model.guards import ALL, Guards
from tests.model.state import World


@dataclass(frozen=True)
class Found:
    """What a search has found: a violation with the steps that lead to it, or none in all states."""

    configuration: str
    states: int
    steps: int
    violation: str | None = None
    trace: tuple[tuple[str, World], ...] = ()

    def __str__(self) -> str:
        if self.violation is None:
            return f"{self.configuration}: {self.states} states, {self.steps} steps, no violation"
        lines = [f"{self.configuration}: {self.violation}, after {self.states} states"]
        for number, (label, world) in enumerate(self.trace, 1):
            lines.append(f"{number:3}. {label}")
            lines += [f"       {line}" for line in described(world)]
        return "\n".join(lines)


def explore(configuration: Configuration, guards: Guards = ALL, *, liveness: bool = True) -> Found:
    """All states that can be reached, or the first violation; without ``liveness`` one of safety."""
    first = configuration.first()
    parents: dict[World, tuple[World, str] | None] = {first: None}
    recovered: set[World] = set()
    todo = deque([first])
    steps = 0

    def found(violation: str, at: World, *last: tuple[str, World]) -> Found:
        return Found(configuration.name, len(parents), steps, violation, (*_trace(parents, at), *last))

    while todo:
        world = todo.popleft()
        for label, after in successors(world, configuration, guards):
            steps += 1
            shown = _showing(after, guards)
            if shown is None:
                return found(properties.TAG, world, (label, after))
            if shown in parents:
                continue
            violation = properties.step_violation(world, shown) or properties.state_violation(shown, guards)
            if violation is None and liveness:
                core = recovery.core(shown)
                if core not in recovered:
                    recovered.add(core)
                    violation = recovery.violation(core, guards)
            if violation is not None:
                return found(violation, world, (label, shown))
            parents[shown] = (world, label)
            todo.append(shown)
    return Found(configuration.name, len(parents), steps)


def successors(world: World, configuration: Configuration, guards: Guards) -> Iterator[tuple[str, World]]:
    """Every step that anybody may take next."""
    for index, character in enumerate(world.characters):
        who = f"{'AB'[index]}: " if len(world.characters) > 1 else ""
        for steps in (
            load.steps(character, guards),
            apply.steps(character, guards, configuration.operations),
            flush.steps(character, guards, torn_reads=configuration.torn_reads),
            evict.steps(character, guards, failing=configuration.failing),
            node.steps(character, guards),
        ):
            for label, after in steps:
                yield who + label, world.with_character(index, after)
    if configuration.trade:
        yield from trade.steps(world, guards)


def _showing(world: World, guards: Guards) -> World | None:
    """The state with what its sessions show noted down; None where a tag stood for something else."""
    for index, character in enumerate(world.characters):
        noted = properties.shown(character, guards)
        if noted is None:
            return None
        if noted is not character:
            world = world.with_character(index, noted)
    return world


def _trace(parents: dict[World, tuple[World, str] | None], world: World) -> list[tuple[str, World]]:
    trace: list[tuple[str, World]] = []
    while (link := parents[world]) is not None:
        trace.append((link[1], world))
        world = link[0]
    return trace[::-1]


def described(world: World) -> list[str]:
    """A state as lines of text: PostgreSQL's row, and the node that answers."""
    lines = []
    for index, character in enumerate(world.characters):
        who = f"{'AB'[index]} " if len(world.characters) > 1 else ""
        row, answering = character.row, character.node
        marks = (" open" if row.open else "") + (" quarantined" if row.quarantined else "")
        head = f"epoch {row.epoch}, incarnation {row.incarnation}{marks}"
        lines.append(f"{who}PostgreSQL: {head}, [{' '.join(row.history)}]")
        session = answering.session
        text = f"{who}node {'AB'[character.active]}: "
        if session is None:
            text += f"no session, fence {answering.fence}"
        else:
            here = "" if session.gen == character.place else " of another gen"
            text += (
                f"{session.status}{here}, epoch {session.epoch}, tag {session.incarnation}.{session.seq},"
                f" [{' '.join(session.history)}], flushed {session.flushed}, {answering.due}"
            )
        lines.append(text)
    return [*lines, f"trade: {world.trade}"] if world.trade else lines
