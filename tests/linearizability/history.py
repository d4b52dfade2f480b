"""What clients saw: calls with the times between which they took effect, and what was answered."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.commands import Command
from engine.outcome import Capacity, Changes, Effect, Told
from engine.refusals import Refusal
from engine.state import Actor, Item
from persistence.records import TagMismatch


class Execute(Struct, frozen=True):
    """One sending of commands. ``prefixes``: what the ids of its new items may begin with."""

    commands: tuple[Command, ...]
    op_id: str = ""
    if_match: str = ""
    durable: bool = False
    prefixes: tuple[str, ...] = ()


class Read(Struct, frozen=True):
    """The whole inventory."""


class Stand(Struct, frozen=True):
    """A load, save or eviction: it changes nothing that a client can see, and tells where it stands."""

    what: Literal["load", "save", "evict"]


class Reply(Struct, frozen=True):
    """The reply to commands that were applied, now or (``replayed``) before."""

    seq: int
    durable_seq: int
    tag: str
    replayed: bool
    changes: Changes
    capacity: Capacity
    not_placed: int | None = None
    effect: Effect | None = None
    told: tuple[Told, ...] = ()


class IdTaken(Struct, frozen=True):
    """IDEMPOTENCY_MISMATCH: the operation id was used for other commands."""


class Inventory(Struct, frozen=True):
    """The answer to a read; items by id."""

    seq: int
    tag: str
    actor: Actor
    items: dict[str, Item]


class Standing(Struct, frozen=True):
    """The answer to a load, save or eviction."""

    seq: int
    durable_seq: int


Call = Execute | Read | Stand
Answer = Reply | Refusal | TagMismatch | IdTaken | Inventory | Standing


class Operation(Struct, frozen=True):
    """A call and its answer; times are counted in events, so no two are the same.

    ``answered`` is None where the outcome is unknown: it may take effect at any time after
    ``invoked``, or never. ``answer`` is None there, and where it was forgotten on purpose. What is
    known to have done nothing is in no history.
    """

    client: str
    call: Call
    invoked: int
    answered: int | None
    answer: Answer | None

    @property
    def changed_nothing(self) -> bool:
        """Whether the answer itself says that the call had no effect of its own."""
        return not (self.answer is None or (isinstance(self.answer, Reply) and not self.answer.replayed))


History = Sequence[Operation]


def cut(history: History, time: int) -> list[Operation]:
    """What was known at a time: what was not answered by then is of unknown outcome."""
    return [
        operation
        if operation.answered is not None and operation.answered <= time
        else replace(operation, answered=None, answer=None)
        for operation in history
        if operation.invoked <= time
    ]
