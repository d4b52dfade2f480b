"""The definition of linearizable, tried without any cleverness: for histories of a few operations."""

from collections.abc import Sequence

from tests.linearizability.history import Operation
from tests.linearizability.model import Model, State


def explains(left: Sequence[Operation], model: Model, state: State) -> bool:
    """Whether some order of what is left, unknown outcomes in it or not, is answered as it was."""
    if all(operation.answered is None for operation in left):
        return True
    for operation in left:
        others = [each for each in left if each is not operation]
        if any(each.answered is not None and each.answered < operation.invoked for each in others):
            continue
        for after in model.step(state, operation.call, operation.answer):
            if explains(others, model, after):
                return True
    return False
