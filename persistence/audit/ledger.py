"""One character's ledger, taken in page by page, and what it should have come to."""

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence

import msgspec

from engine.outcome import Changes
from engine.state import Actor, Item
from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.ledger.replay import Inventory, ReplayError, Turnover
from persistence.postgres.database import Row

_changes = msgspec.json.Decoder(Changes).decode
_actor = msgspec.json.Decoder(Actor | None).decode
_items = msgspec.json.Decoder(list[Item]).decode
_totals = msgspec.json.Decoder(dict[str, Turnover]).decode
# What is remembered of operations: so many, for so long. The clocks of those who wrote the times differ.
_REMEMBERED, _REMEMBERED_MS, _CLOCKS_MS = 64, 24 * 3_600_000, 300_000


def baseline_of(row: Row) -> Inventory:
    """The inventory that a row of ``baselines`` keeps; raises ``ValueError`` for one that cannot be read."""
    items = {item.item_id: item for item in _items(row["items"])}
    return Inventory(row["seq"], items, _actor(row["actor"] or b"null"), _totals(row["totals"]))


class Ledger:
    """Follows one character's entries from its baseline on; ``found`` says what is wrong with them."""

    def __init__(
        self, char_id: str, baseline: Inventory | None = None, baseline_seqs: Collection[int] = ()
    ) -> None:
        """``baseline``: the newest one, where the replay begins. ``baseline_seqs``: where they all stand."""
        self.inventory = baseline or Inventory()
        self.entries = 0
        self.operations = 0
        self.found: list[Violation] = []
        self._char_id = char_id
        # An entry follows the one before, or a baseline that stands for the one before.
        self._begins_after = {0, *baseline_seqs}
        self._last_seq = 0
        self._remembered: deque[tuple[str, int, int]] = deque(maxlen=_REMEMBERED)
        self._broken = False

    def add(self, rows: Sequence[Row]) -> None:
        """The next entries: rows of seq, op_id, changes and at_ms, in the order of their seqs."""
        fresh: list[tuple[int, Changes]] = []
        for row in rows:
            seq = row["seq"]
            self.entries += 1
            if row["op_id"]:
                self._remember(row["op_id"], seq, row["at_ms"])
            if seq != self._last_seq + 1 and seq - 1 not in self._begins_after:
                self.give_up(findings.LEDGER, f"its ledger has a gap: nothing is right before entry {seq}")
            elif seq == self._last_seq:
                self.give_up(findings.LEDGER, f"its ledger has entry {seq} twice")
            self._last_seq = seq
            if not self._broken and seq > self.inventory.seq:
                try:
                    fresh.append((seq, _changes(row["changes"])))
                except ValueError as error:
                    self.give_up(findings.REPLAY, f"entry {seq} of its ledger cannot be read: {error}")
        if fresh and not self._broken:
            try:
                self.inventory = self.inventory.after(fresh)
            except ReplayError as error:
                self.give_up(findings.REPLAY, f"its ledger does not follow from itself: {error}")

    def end(self, head_seq: int) -> None:
        """There is no more; ``head_seq`` is where PostgreSQL's head says that the character is."""
        last_seq = max(self._last_seq, *self._begins_after)
        if last_seq != head_seq:
            self.give_up(findings.LEDGER, f"its ledger ends at {last_seq}, and its head is at {head_seq}")

    def contents(self, items: Mapping[str, Item], actor: Actor) -> None:
        """Compare what the entries come to with what PostgreSQL has."""
        if self._broken:
            return
        if wrong := difference(self.inventory.items, items):
            self._tell(findings.REPLAY, f"PostgreSQL's items are not what its ledger comes to: {wrong}")
        expected = self.inventory.actor
        if expected is not None and same_actor(expected) != same_actor(actor):
            self._tell(findings.REPLAY, "PostgreSQL's actor is not the one that its ledger set last")

    def totals(self, units: Mapping[str, int]) -> None:
        """Compare what came and went with how much PostgreSQL has of each template."""
        if self._broken:
            return
        balance = {name: total.came - total.went for name, total in self.inventory.totals.items()}
        for name in sorted(units.keys() | balance.keys()):
            if units.get(name, 0) != balance.get(name, 0):
                self._tell(
                    findings.TOTALS,
                    f"PostgreSQL has {units.get(name, 0)} of {name}, and its ledger {balance.get(name, 0)}",
                )

    def _remember(self, op_id: str, seq: int, at_ms: int) -> None:
        self.operations += 1
        for known, first_seq, first_ms in self._remembered:
            if known == op_id and abs(at_ms - first_ms) < _REMEMBERED_MS - _CLOCKS_MS:
                self._tell(
                    findings.OPERATIONS, f"operation {op_id!r} was done twice, as {first_seq} and as {seq}"
                )
        self._remembered.append((op_id, seq, at_ms))

    def give_up(self, invariant: int, text: str) -> None:
        """Replay no more, for this reason; what follows from the first fault is no news."""
        if not self._broken:
            self._tell(invariant, text)
        self._broken = True

    def _tell(self, invariant: int, text: str) -> None:
        self.found.append(Violation(invariant, self._char_id, text))


def difference(expected: Mapping[str, Item], found: Mapping[str, Item]) -> str:
    """Where two sets of items differ, "" if they do not; an index is the same slot as number and as text."""
    if expected == found:
        return ""
    wrong = Counter[str]()
    first = ""
    for item_id in sorted(expected.keys() | found.keys()):
        one, other = expected.get(item_id), found.get(item_id)
        if one is None:
            what = "too many"
        elif other is None:
            what = "missing"
        elif _as_text(one) != _as_text(other):
            what = "different"
        else:
            continue
        wrong[what] += 1
        first = first or f"{item_id} is {'one too many' if one is None else what}"
    if not wrong:
        return ""
    return ", ".join(f"{count} {what}" for what, count in wrong.items()) + f"; {first}"


def same_actor(actor: Actor) -> tuple[object, ...]:
    """Equal for actors that are the same, in whatever order their words stand."""
    return actor.level, actor.class_, actor.attributes, frozenset(actor.states)


def _as_text(item: Item) -> tuple[object, ...]:
    place = item.place
    return (
        item.template_id, item.quantity, place.container, str(place.slot), item.bound, item.locked, item.held,
    )  # fmt: skip
