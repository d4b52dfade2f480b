"""Histories that are made up: legal ones out of a random order, and what is broken in them afterwards."""

import random
from collections.abc import Callable

from msgspec.structs import replace

from engine.outcome import Changes
from tests.linearizability.history import (
    Answer,
    Call,
    Execute,
    History,
    Inventory,
    Operation,
    Read,
    Reply,
    Stand,
    Standing,
)
from tests.linearizability.model import Model, State
from tests.linearizability.world import FIRST, Board, batch, choose_commands

# The time between two effects; answers may be out of order by some of them.
_STEP = 1_000


def legal_history(rng: random.Random, model: Model, size: int) -> list[Operation]:
    """Calls that took effect one after the other, each at a moment between its call and its answer."""
    state, board = model.start, Board()
    calls: list[Execute] = [Execute(batch(*FIRST), prefixes=(_prefix(0),))]
    operations: list[Operation] = []
    for number in range(size):
        call = _call(rng, board, calls, number) if number else calls[0]
        at = (number + 1) * _STEP
        invoked = at - rng.randrange(_STEP * rng.choice((1, 3, 6)))
        answered: int | None = at + rng.randrange(_STEP * rng.choice((1, 3, 6)))
        answer = None
        if rng.random() < 0.08:
            answered = None
        if answered is not None or rng.random() < 0.5:
            state, answer = _take_effect(state, call, model)
            board.learn(answer)
        operations.append(
            Operation(f"client {number}", call, invoked, answered, None if answered is None else answer)
        )
    return in_events(operations)


def _call(rng: random.Random, board: Board, calls: list[Execute], number: int) -> Call:
    dice = rng.random()
    if dice < 0.15:
        return Read()
    if dice < 0.2:
        return Stand("save")
    if dice < 0.35:
        return replace(rng.choice(calls), prefixes=(_prefix(number),))
    call = Execute(
        choose_commands(rng, board),
        op_id=rng.choice(("", "", f"op-{number}", "op-1")),
        if_match=board.tag if rng.random() < 0.1 else "",
        durable=rng.random() < 0.1,
        prefixes=(_prefix(number),),
    )
    calls.append(call)
    return call


def _prefix(number: int) -> str:
    return f"{number:012x}80008{number:07x}"


def _take_effect(state: State, call: Call, model: Model) -> tuple[State, Answer]:
    # The last is what happens while no load raises the incarnation.
    *_, (after, answer) = model.outcomes(state, call)
    match answer:
        case Reply() if isinstance(call, Execute) and call.durable:
            answer = replace(answer, durable_seq=answer.seq)
        case Reply(replayed=False, seq=seq):
            answer = replace(answer, durable_seq=seq // 2)
        case Reply():
            answer = replace(answer, durable_seq=max(answer.durable_seq, 0))
        case Standing(seq=seq):
            answer = Standing(seq, seq // 2)
    (after,) = model.step(state, call, answer)
    return after, answer


def in_events(operations: History) -> list[Operation]:
    """Times as numbers of events, none of them the same."""
    times = [(each.invoked, 0, n) for n, each in enumerate(operations)]
    times += [(each.answered, 1, n) for n, each in enumerate(operations) if each.answered is not None]
    rank = {(kind, n): place for place, (_, kind, n) in enumerate(sorted(times), start=1)}
    return [replace(each, invoked=rank[0, n], answered=rank.get((1, n))) for n, each in enumerate(operations)]


Mutation = Callable[[random.Random, list[Operation]], list[Operation]]


def swapped_answers(rng: random.Random, history: list[Operation]) -> list[Operation]:
    answered = [each for each in history if each.answer is not None]
    one, other = rng.sample(answered, 2)
    return _with(_with(history, one, answer=other.answer), other, answer=one.answer)


def another_quantity(rng: random.Random, history: list[Operation]) -> list[Operation]:
    shown = [each for each in history if isinstance(each.answer, Reply) and each.answer.changes.changed]
    each = rng.choice(shown)
    assert isinstance(each.answer, Reply)
    first, *others = each.answer.changes.changed
    changes = each.answer.changes
    wrong = Changes((replace(first, quantity=first.quantity + 1), *others), changes.removed, changes.actor)
    return _with(history, each, answer=replace(each.answer, changes=wrong))


def lost_effect(rng: random.Random, history: list[Operation]) -> list[Operation]:
    """Something that was applied has vanished from the history, so nothing explains what it did."""
    applied = [each for each in history if each.answer is not None and not each.changed_nothing]
    gone = rng.choice(applied)
    return [each for each in history if each is not gone]


def out_of_time(rng: random.Random, history: list[Operation]) -> list[Operation]:
    """One was called after all others were answered, or answered before they were called."""
    each = rng.choice([each for each in history if each.answered is not None])
    if rng.random() < 0.5:
        return in_events(_with(history, each, invoked=-2, answered=-1))
    end = 10 * len(history)
    return in_events(_with(history, each, invoked=end, answered=end + 1))


def stale_read(rng: random.Random, history: list[Operation]) -> list[Operation]:
    reads = [each for each in history if isinstance(each.answer, Inventory)]
    early, late = rng.choice(reads), rng.choice(reads)
    return _with(history, late, answer=early.answer)


MUTATIONS: tuple[Mutation, ...] = (swapped_answers, another_quantity, lost_effect, out_of_time, stale_read)


def _with(history: list[Operation], operation: Operation, **changed: object) -> list[Operation]:
    return [replace(each, **changed) if each is operation else each for each in history]
