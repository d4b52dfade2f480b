"""PostgreSQL in memory: characters, items, ledger and operations, one transaction at a time.

It says what the statements of ``persistence/sql/queries.sql`` come to; a test plays the same
transactions on the real store and compares. What has to be prepared for a transaction is computed
under the locks of its heads and becomes visible with ``commit``, so that others meet locks held.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.ruleset import Ruleset
from engine.state import Actor, Item, Place
from persistence.errors import CharacterNotFound, CharacterQuarantined, FlushRejected
from persistence.operations import OPERATIONS_KEPT_S
from persistence.postgres.flush_columns import coalesced, last_actor
from persistence.postgres.load_batch import Begun, HeadHeld
from persistence.postgres.store_rows import Slots
from persistence.records import (
    CharacterHead,
    FlushResult,
    FlushWork,
    JournalEntry,
    Operation,
    Snapshot,
)

_BIGINT_MAX = 2**63 - 1


@dataclass
class Row:
    """A row of ``characters``."""

    char_id: str
    actor: Actor
    epoch: int = 0
    open: bool = False
    incarnation: int = 0
    seq: int = 0
    quarantined: str | None = None
    line: int | None = None

    def head(self) -> CharacterHead:
        return CharacterHead(
            self.char_id, "", self.actor, self.epoch, self.open, self.incarnation, self.seq, 0
        )


@dataclass
class Flush:
    """A transaction that has locked its heads and knows its results, and is not committed yet."""

    model: "PostgresModel"
    works: list[FlushWork]
    locked: list[str]
    results: dict[str, FlushResult]
    ended: bool = field(default=False)

    def commit(self) -> None:
        """Make it visible; raises ``FlushRejected`` for what is checked last."""
        try:
            self.model.check_places(self.works)
        except FlushRejected:
            self.roll_back()
            raise
        for work in self.works:
            self.model.write(work)
        self.roll_back()

    def roll_back(self) -> None:
        """Let the heads go."""
        if not self.ended:
            self.ended = True
            self.model.locks.difference_update(self.locked)


@dataclass
class Loads:
    """A transaction that has raised epochs under the locks of their heads, and is not committed yet."""

    model: "PostgresModel"
    answers: dict[str, Begun] = field(default_factory=dict)
    before: dict[str, tuple[int, int, bool]] = field(default_factory=dict)

    def commit(self) -> None:
        """Let the heads go, as they are now."""
        self.model.locks.difference_update(self.before)

    def roll_back(self) -> None:
        """As if it had never been."""
        for char_id, before in self.before.items():
            row = self.model.characters[char_id]
            row.epoch, row.incarnation, row.open = before
        self.commit()


class PostgresModel:
    """The tables, and what may be done with them; every method is one transaction or a part of one."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.slots = Slots(ruleset)
        self.characters: dict[str, Row] = {}
        # By item id: the owner, and the item with its slot as text.
        self.items: dict[str, tuple[str, Item]] = {}
        self.journal: dict[str, list[JournalEntry]] = {}
        self.operations: dict[tuple[str, int], tuple[Operation, int]] = {}
        self.granted: dict[str, tuple[str, str]] = {}
        self.incidents: list[tuple[str, str, list[bytes]]] = []
        self.locks: set[str] = set()
        self.now_ms = 0

    def create(self, char_id: str, actor: Actor) -> None:
        """A character without items."""
        self.characters[char_id] = Row(char_id, actor)
        self.journal[char_id] = []

    def begin_loads(self, char_ids: Sequence[str]) -> "Loads":
        """Lock what can be locked, raise the epochs, read; as ``InventoryStore.begin_loads``."""
        loads = Loads(self)
        for char_id in char_ids:
            row = self.characters.get(char_id)
            if row is None:
                loads.answers[char_id] = CharacterNotFound(char_id)
            elif row.quarantined is not None:
                loads.answers[char_id] = CharacterQuarantined(f"character {char_id}: {row.quarantined}")
            elif char_id in self.locks:
                loads.answers[char_id] = HeadHeld(char_id)
            else:
                loads.before[char_id] = row.epoch, row.incarnation, row.open
                row.epoch += 1
                row.incarnation += self.raised(row)
                row.open = True
                items, done = tuple(self.items_of(char_id)), tuple(self.operations_of(char_id))
                loads.answers[char_id] = Snapshot(row.head(), items, done, row.line)
        self.locks.update(loads.before)
        return loads

    def raised(self, row: Row) -> int:
        """By how much a load raises the incarnation."""
        return int(row.open)

    def items_of(self, char_id: str) -> list[Item]:
        """The items of a character in the order of their ids, slots as the rules know them."""
        found = []
        for item_id in sorted(self.items):
            owner, item = self.items[item_id]
            if owner == char_id:
                found.append(_at(item, self.slots.key(item.place.container, str(item.place.slot))))
        return found

    def operations_of(self, char_id: str) -> list[Operation]:
        """What is remembered of operations, in the order in which they were done."""
        since_ms = self.now_ms - OPERATIONS_KEPT_S * 1000
        known = [
            done for (owner, _), (done, at) in self.operations.items() if owner == char_id and at > since_ms
        ]
        return sorted(known, key=lambda done: done.seq)

    def begin_flush(self, batch: Sequence[FlushWork]) -> Flush:
        """Lock what can be locked, judge each work; raises ``FlushRejected`` with nothing locked."""
        for work in batch:
            for seq, entry in enumerate(work.entries, work.base_seq + 1):
                if entry.seq != seq:
                    raise FlushRejected(f"entry {entry.seq} where {seq} belongs")
        results: dict[str, FlushResult] = {}
        works, locked = [], []
        for work in batch:
            row = self.characters.get(work.char_id)
            if row is None:
                results[work.char_id] = FlushResult("absent")
            elif work.char_id in self.locks:
                results[work.char_id] = FlushResult("busy")
            else:
                locked.append(work.char_id)
                if self.guard(row, work):
                    results[work.char_id] = FlushResult("flushed", work.epoch, work.last_seq)
                    works.append(work)
                else:
                    results[work.char_id] = FlushResult("passed_over", row.epoch, row.seq)
        self._check_rows(works)
        self.locks.update(locked)
        return Flush(self, works, locked, results)

    def guard(self, row: Row, work: FlushWork) -> bool:
        """The guard of ``flush``."""
        return row.epoch == work.epoch and row.seq == work.base_seq

    def _check_rows(self, works: Sequence[FlushWork]) -> None:
        for work in works:
            for entry in work.entries:
                if b"\\u0000" in bytes(entry.commands) or "\0" in entry.by + entry.request_id + entry.op_id:
                    raise FlushRejected("a row holds NUL")
            final = coalesced(entry.changes for entry in work.entries)
            for item_id, stored in final.removed.items():
                if stored and self.items.get(item_id, ("",))[0] != work.char_id:
                    raise FlushRejected(f"item {item_id} was to be removed")
            for item in final.items:
                if self.items.get(item.item_id, (work.char_id,))[0] != work.char_id:
                    raise FlushRejected(f"item {item.item_id} is another's")
                if not 0 < item.quantity <= _BIGINT_MAX:
                    raise FlushRejected(f"item {item.item_id}: quantity {item.quantity}")

    def check_places(self, works: Sequence[FlushWork]) -> None:
        """What ``items_place`` refuses when the transaction ends."""
        for work in works:
            after = {
                item_id: item.place for item_id, (owner, item) in self.items.items() if owner == work.char_id
            }
            final = coalesced(entry.changes for entry in work.entries)
            for item_id in final.removed:
                after.pop(item_id, None)
            after |= {item.item_id: _text_slot(item).place for item in final.items}
            if len(set(after.values())) != len(after):
                raise FlushRejected("two items in one place")

    def write(self, work: FlushWork) -> None:
        """The rows of one work that passed its guard."""
        row = self.characters[work.char_id]
        row.seq, row.open = work.last_seq, True
        row.line = work.incarnation if work.entries else row.line
        row.actor = last_actor(work) or row.actor
        self.journal[work.char_id].extend(work.entries)
        for entry in work.entries:
            if entry.done is not None:
                done = Operation(
                    entry.done.slot,
                    entry.op_id,
                    entry.seq,
                    entry.done.payload_hash,
                    bytes(entry.done.reply).decode(),
                )
                self.operations[work.char_id, done.slot] = (done, entry.at)
        final = coalesced(entry.changes for entry in work.entries)
        for item_id in final.removed:
            if self.items.get(item_id, ("",))[0] == work.char_id:
                del self.items[item_id]
        for item in final.items:
            self.items[item.item_id] = (work.char_id, _text_slot(item))

    def mark_closed(self, char_id: str, epoch: int) -> None:
        """No session is out, unless a load has begun since."""
        row = self.characters.get(char_id)
        if row is not None and row.epoch == epoch:
            row.open = False

    def quarantine(self, char_id: str, reason: str | None) -> None:
        """Mark a character, or release it."""
        if char_id not in self.characters:
            raise CharacterNotFound(char_id)
        self.characters[char_id].quarantined = reason

    def reserve(self, char_id: str, item_ids: Sequence[str], call: str) -> tuple[set[str], set[str]]:
        """As ``InventoryStore.reserve_item_ids``: those that are another's, and the new ones."""
        taken, fresh = set(), set()
        for item_id in set(item_ids):
            if self.items.get(item_id, (char_id,))[0] != char_id:
                taken.add(item_id)
            elif char_id in self.characters:
                owner, _ = self.granted.get(item_id, (char_id, ""))
                if owner != char_id:
                    taken.add(item_id)
                else:
                    if item_id not in self.granted:
                        fresh.add(item_id)
                    self.granted[item_id] = (char_id, call)
        return taken, fresh

    def give_back(self, char_id: str, item_ids: Sequence[str], call: str) -> None:
        """As ``InventoryStore.release_item_ids``."""
        for item_id in item_ids:
            if self.granted.get(item_id) == (char_id, call):
                del self.granted[item_id]


def _at(item: Item, slot: int | str) -> Item:
    return Item(
        item.item_id,
        item.template_id,
        item.quantity,
        Place(item.place.container, slot),
        item.bound,
        item.locked,
        item.held,
    )


def _text_slot(item: Item) -> Item:
    return _at(item, str(item.place.slot))
