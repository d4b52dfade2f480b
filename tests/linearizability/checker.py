"""Decides whether a history is linearizable, after Wing and Gong, with Lowe's memory of configurations.

A configuration is a set of operations that have taken effect, and the state that they left. The search
goes from one to the next by an operation that may be next: invoked before the first answer that is still
to come. Operations that say themselves that they changed nothing are taken at once wherever they fit,
since what can follow without them can follow them too.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.linearizability.history import History, Operation
from tests.linearizability.model import Model, State

CONFIGURATIONS_MAX = 200_000
_NEVER = 1 << 62


class TooHard(Exception):
    """The search was given up: nothing is known."""


class Verdict(NamedTuple):
    """``order``: a legal order, or the longest beginning of one that was found, and the state after it."""

    legal: bool
    order: list[Operation]
    state: State
    configurations: int


class _Node(NamedTuple):
    mask: int
    state: State
    last: int
    parent: "_Node | None"

    def order(self, operations: list[Operation]) -> list[Operation]:
        node: _Node = self
        found: list[Operation] = []
        while node.parent is not None:
            found.append(operations[node.last])
            node = node.parent
        return found[::-1]


def check(history: History, model: Model, *, configurations_max: int = CONFIGURATIONS_MAX) -> Verdict:
    """Search for a legal order; raises ``TooHard`` beyond so many configurations."""
    operations = sorted(history, key=lambda operation: operation.invoked)
    answered = sum(1 << index for index, each in enumerate(operations) if each.answered is not None)
    longest = _Node(0, model.start, -1, None)
    stack, seen = [longest], {(0, model.start.key())}
    while stack:
        node = stack.pop()
        if node.mask & answered == answered:
            return Verdict(True, node.order(operations), node.state, len(seen))
        if node.mask.bit_count() > longest.mask.bit_count():
            longest = node
        # The stack gives back last what was put on it first.
        for index, state in reversed(_next(node, operations, model)):
            mask = node.mask | 1 << index
            key = (mask, state.key())
            if key not in seen:
                seen.add(key)
                stack.append(_Node(mask, state, index, node))
        if len(seen) > configurations_max:
            raise TooHard(f"{len(operations)} operations, {len(seen)} configurations")
    return Verdict(False, longest.order(operations), longest.state, len(seen))


def _next(node: _Node, operations: list[Operation], model: Model) -> list[tuple[int, State]]:
    """What may take effect next, in the order of trying: whose answer came first, unknown outcomes last."""
    found: list[tuple[int, State]] = []
    for index in sorted(_candidates(node.mask, operations), key=lambda index: _answered(operations[index])):
        operation = operations[index]
        after = list(model.step(node.state, operation.call, operation.answer))
        if operation.answered is None:
            # Without an effect it may as well never take effect.
            after = [state for state in after if state is not node.state]
        elif operation.changed_nothing and after and after[0] is node.state:
            return [(index, node.state)]
        found += [(index, state) for state in after]
    return found


def _candidates(mask: int, operations: list[Operation]) -> Iterator[int]:
    left = [index for index in range(len(operations)) if not mask >> index & 1]
    first_answer = min(_answered(operations[index]) for index in left)
    for index in left:
        if operations[index].invoked > first_answer:
            break
        yield index


def _answered(operation: Operation) -> int:
    return _NEVER if operation.answered is None else operation.answered
