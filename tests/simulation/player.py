"""Players: callers outside, with what they remember of an inventory, and what they were promised."""

from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from engine.commands import (
    Command,
    ConsumeRequest,
    Destination,
    DropRequest,
    EquipRequest,
    GrantRequest,
    MoveRequest,
    SortRequest,
)
from engine.refusals import Refusal
from engine.state import Item
from persistence.errors import (
    CharacterQuarantined,
    IdempotencyMismatch,
    OutcomeUnknown,
    PersistenceError,
)
from persistence.records import Call, TagMismatch
from tests.simulation.profiles import Profile

TEMPLATES = ("potion", "potion", "ring", "gold", "pack", "dagger", "ore", "unheard_of")


class Reply(msgspec.Struct):
    """What a caller reads of a reply."""

    seq: int
    tag: str
    replayed: bool
    changes: Any
    capacity: Any


_reply = msgspec.json.Decoder(Reply)


class Order(Struct):
    """One call as its caller means it, however often it is sent; its attempts are ``number.attempt``."""

    number: int
    char_id: str
    commands: tuple[Command, ...]
    op_id: str
    durable: bool
    if_match: str
    by: str


class Memory:
    """What the callers of one character know of it."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.tag = ""
        self.op_ids: list[str] = []
        self.poisoned = False

    def learn(self, reply: Reply) -> None:
        self.tag = reply.tag
        for item_id in reply.changes["removed"]:
            self.items.pop(item_id, None)
        for item in msgspec.convert(reply.changes["changed"], list[Item]):
            self.items[item.item_id] = item


def make_order(number: int, char_id: str, rng: Random, profile: Profile, memory: Memory) -> Order:
    """A call about what is known, or sometimes about what is not there."""
    commands = tuple(_command(rng, memory, profile) for _ in range(rng.choice((1, 1, 1, 2))))
    op_id = ""
    if rng.random() < profile.op_id:
        op_id = f"op{number}"
        if memory.op_ids and rng.random() < 0.04:
            op_id = rng.choice(memory.op_ids)
        memory.op_ids.append(op_id)
    poisoned = rng.random() < profile.poisoned and char_id.endswith("0")
    return Order(
        number,
        char_id,
        commands,
        op_id,
        rng.random() < profile.durable,
        memory.tag if rng.random() < profile.if_match else "",
        "\0" if poisoned else "",
    )


def _command(rng: Random, memory: Memory, profile: Profile) -> Command:
    kind = rng.random()
    if not memory.items or kind < 0.45:
        given = None
        if rng.random() < profile.given_id:
            given = f"{rng.getrandbits(48):012x}4{rng.getrandbits(76):019x}"
        template = rng.choice(TEMPLATES)
        quantity = 1 if given else rng.choice((1, 1, 2, 7, 100_000))
        return GrantRequest(template_id=template, quantity=quantity, item_id=given)
    if rng.random() < profile.sorts:
        return SortRequest(container=rng.choice(("bag", "bag", "wallet", "nowhere")))
    item = memory.items[rng.choice(list(memory.items))]
    if kind < 0.65:
        slot = rng.randrange(6) if rng.random() < 0.8 else None
        return MoveRequest(item_id=item.item_id, to=Destination(rng.choice(("bag", "bag", "bank")), slot))
    if kind < 0.75:
        return ConsumeRequest(quantity=1, item_id=item.item_id)
    if kind < 0.9:
        return EquipRequest(item_id=item.item_id)
    return DropRequest(item_id=item.item_id)


class Promises:
    """What callers were told, to be held against what is there in the end."""

    def __init__(self, watcher: Any) -> None:
        self._watcher = watcher
        self.made: list[tuple[Order, str, bool]] = []
        self._replies: dict[tuple[str, str], tuple[str, Any]] = {}
        # Attempts by operation: whichever of them was applied, it counts for all.
        self.attempts: dict[tuple[str, str], list[str]] = {}

    def sent(self, order: Order, request_id: str) -> None:
        if order.op_id:
            self.attempts.setdefault((order.char_id, order.op_id), []).append(request_id)

    def of(self, order: Order, request_id: str) -> set[str]:
        """The attempts that may have been the one that was applied."""
        return set(self.attempts[order.char_id, order.op_id]) if order.op_id else {request_id}

    def kept(self, order: Order, request_id: str, reply: Reply) -> None:
        """A call was acknowledged."""
        watcher = self._watcher
        self.made.append((order, request_id, reply.replayed))
        attempts = self.of(order, request_id)
        if order.durable and not attempts & watcher.durable.get(order.char_id, set()):
            raise watcher.violation(f"{request_id} was acknowledged as durable and is not in PostgreSQL")
        incarnation, _, seq = order.if_match.partition(".")
        if order.if_match and not reply.replayed and reply.tag != f"{incarnation}.{int(seq) + 1}":
            raise watcher.violation(f"{request_id} expected {order.if_match} and made {reply.tag}")
        if not order.op_id:
            return
        key, told = (order.char_id, order.op_id), (reply.seq, reply.tag, reply.changes, reply.capacity)
        request, before = self._replies.setdefault(key, (request_id, told))
        if before == told:
            return
        # Another answer than before is right only where what was answered then has been destroyed.
        if not attempts & watcher.destroyed:
            raise watcher.violation(
                f"operation {order.op_id}: {request_id} was told {told}, {request} was told {before}"
            )
        self._replies[key] = (request_id, told)


def outcome_of(answer: Any, memory: Memory) -> Reply | None:
    """Read an answer; None for a refusal."""
    if isinstance(answer, TagMismatch):
        memory.tag = answer.tag
        return None
    if isinstance(answer, Refusal):
        return None
    reply = _reply.decode(answer)
    memory.learn(reply)
    return reply


def call_of(order: Order, request_id: str) -> Call:
    return Call(order.by, request_id, order.op_id, order.if_match, order.durable)


def may_repeat(error: PersistenceError, order: Order) -> bool:
    """Whether a careful caller sends it again: nothing was done, or its operation id is its safety."""
    if isinstance(error, CharacterQuarantined | IdempotencyMismatch):
        return False
    return bool(order.op_id) or not isinstance(error, OutcomeUnknown)
