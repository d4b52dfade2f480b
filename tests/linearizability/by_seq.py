"""A second way to the verdict, without a search: the seqs of replies say in which order calls took effect.

For histories without unknown outcomes. What was applied is replayed by seq; what changed nothing must find a
gap between two of them that answers as it was answered, not before or after what real time forbids.
"""

from tests.linearizability.history import History, Operation, Reply
from tests.linearizability.model import Model


def legal_by_seq(history: History, model: Model) -> bool:
    """Whether the history is linearizable; ``model`` must show seqs."""
    assert all(operation.answered is not None and operation.answer is not None for operation in history)
    applied = sorted((each for each in history if not each.changed_nothing), key=_seq)
    if any(_before(late, early) for n, early in enumerate(applied) for late in applied[n:]):
        return False
    states = [model.start]
    for operation in applied:
        after = list(model.step(states[-1], operation.call, operation.answer))
        if len(after) != 1:
            return False
        states += after
    gaps: list[tuple[Operation, int]] = [(operation, n) for n, operation in enumerate(applied, start=1)]
    # By invocation, so that whatever must come before has its gap already.
    for operation in sorted(history, key=lambda each: each.invoked):
        if operation.changed_nothing:
            first = max((gap for other, gap in gaps if _before(other, operation)), default=0)
            later = (gap for gap, other in enumerate(applied) if _before(operation, other))
            last = next(later, len(applied))
            fitting = (
                gap
                for gap in range(first, last + 1)
                if list(model.step(states[gap], operation.call, operation.answer))
            )
            if (found := next(fitting, None)) is None:
                return False
            gaps.append((operation, found))
    return True


def _before(one: Operation, other: Operation) -> bool:
    assert one.answered is not None
    return one.answered < other.invoked


def _seq(operation: Operation) -> int:
    assert isinstance(operation.answer, Reply)
    return operation.answer.seq
