"""Makes a history that is not linearizable small enough to be read.

Each step only weakens what the history says, so a legal history would stay legal: what is left when
nothing more can be taken away is still a proof.
"""

from msgspec.structs import replace

from tests.linearizability.checker import TooHard, check
from tests.linearizability.history import History, Operation, cut
from tests.linearizability.model import Model

# What says less takes longer to be searched; one that would take seconds is not worth the waiting.
CONFIGURATIONS_MAX = 2_000


def shrink(history: History, model: Model) -> list[Operation]:
    """A weaker history that is not linearizable either."""
    left = sorted(history, key=lambda operation: operation.invoked)
    times = sorted(operation.answered for operation in left if operation.answered is not None)
    # What is illegal at a time stays so, whatever follows.
    first, last = 0, len(times) - 1
    while first < last:
        middle = (first + last) // 2
        if _illegal(cut(left, times[middle]), model):
            last = middle
        else:
            first = middle + 1
    if times and _illegal(earlier := cut(left, times[first]), model):
        left = earlier
    for operation in reversed(list(left)):
        if operation.changed_nothing:
            left = _weaker(left, [each for each in left if each is not operation], model)
    for operation in list(left):
        if operation.answer is not None:
            forgotten = replace(operation, answer=None)
            left = _weaker(left, [forgotten if each is operation else each for each in left], model)
    return left


def _weaker(history: list[Operation], weaker: list[Operation], model: Model) -> list[Operation]:
    return weaker if _illegal(weaker, model) else history


def _illegal(history: History, model: Model) -> bool:
    try:
        return not check(history, model, configurations_max=CONFIGURATIONS_MAX).legal
    except TooHard:
        return False
