"""What a character had at any moment that the ledger still tells of."""

from itertools import count

import msgspec
from msgspec.structs import replace

from engine.outcome import Changes
from engine.state import Actor, Item, Place
from persistence.ledger.errors import HistoryDropped, LedgerGap
from persistence.ledger.replay import Inventory, Turnover
from persistence.postgres.database import Connection, Row
from persistence.postgres.named_sql import query
from persistence.postgres.store_rows import Slots

# Entries read at once: enough to make the way to PostgreSQL cheap, few enough to hold in memory.
PAGE = 500

_changes = msgspec.json.Decoder(Changes).decode
_actor = msgspec.json.Decoder(Actor).decode
_items = msgspec.json.Decoder(tuple[Item, ...]).decode
_totals = msgspec.json.Decoder(dict[str, Turnover]).decode


async def inventory_at(connection: Connection, char_id: str, seq: int, slots: Slots) -> Inventory:
    """The character's inventory right after entry ``seq``, its slots as a load would show them.

    0 is before the first entry, so for an unknown character too. Raises ``HistoryDropped``,
    ``LedgerGap`` (``seq`` may be beyond the last entry), ``ReplayError``; ``ValueError`` below 0.
    """
    inventory = await replayed(connection, char_id, seq)
    shown = {item_id: _as_loaded(item, slots) for item_id, item in inventory.items.items()}
    return replace(inventory, items=shown)


async def seq_at(connection: Connection, char_id: str, at_ms: int) -> int:
    """The greatest seq whose entry has the time ``at_ms`` or an earlier one; 0 where there is none.

    Times are callers' clocks, which may disagree: entries before that one may have later times.
    Raises ``HistoryDropped`` where an entry that is gone might have been the one.
    """
    seq: int = await connection.fetchval(query("seq_at"), char_id, at_ms)
    newest: int = await connection.fetchval(query("newest_baseline"), char_id) or 0
    # Only entries up to the newest baseline can be gone. If all after the found one are there, they
    # were looked at.
    if newest > seq:
        there: int = await connection.fetchval(query("entries_between"), char_id, seq, newest)
        if there < newest - seq:
            raise HistoryDropped(char_id, newest)
    return seq


async def first_at(connection: Connection, char_id: str) -> int | None:
    """When the first entry was made that the ledger still has, in Unix milliseconds; None without any."""
    at_ms: int | None = await connection.fetchval(query("first_at"), char_id)
    return at_ms


async def replayed(
    connection: Connection, char_id: str, seq: int, start: Inventory | None = None
) -> Inventory:
    """The inventory right after entry ``seq``, slots as the entries have them.

    ``start`` is the character's inventory at an earlier entry, where that is known. Raises as
    ``inventory_at``.
    """
    if seq < 0:
        raise ValueError(f"there is no entry {seq}")
    if start is None:
        start = await _baseline(connection, char_id, seq)
    while True:
        reached = await _continued(connection, char_id, start, seq)
        if reached.seq == seq:
            return reached
        # A week may have been dropped since the baseline was read; then there is a newer one.
        newer = await _baseline(connection, char_id, seq)
        if newer.seq <= start.seq:
            break
        start = newer
    newest: int = await connection.fetchval(query("newest_baseline"), char_id) or 0
    if newest > reached.seq:
        raise HistoryDropped(char_id, newest)
    raise LedgerGap(char_id, reached.seq + 1)


async def _baseline(connection: Connection, char_id: str, seq: int) -> Inventory:
    """The newest baseline at or before ``seq``; without one, the empty inventory that all begin with."""
    row = await connection.fetchrow(query("baseline_before"), char_id, seq)
    if row is None:
        return Inventory()
    items = {item.item_id: item for item in _items(row["items"])}
    actor = None if row["actor"] is None else _actor(row["actor"])
    return Inventory(row["seq"], items, actor, _totals(row["totals"]))


async def _continued(connection: Connection, char_id: str, inventory: Inventory, seq: int) -> Inventory:
    """The inventory after as many of the entries up to ``seq`` as follow one another."""
    while inventory.seq < seq:
        rows = await connection.fetch(query("changes_between"), char_id, inventory.seq, seq, PAGE)
        run = _run(rows, inventory.seq + 1)
        inventory = inventory.after((row["seq"], _changes(row["changes"])) for row in run)
        if len(run) < len(rows) or not rows:
            break
    return inventory


def _run(rows: list[Row], first: int) -> list[Row]:
    """The rows before the first gap."""
    return [row for row, expected in zip(rows, count(first), strict=False) if row["seq"] == expected]


def _as_loaded(item: Item, slots: Slots) -> Item:
    # Entries keep the slot as it was judged; PostgreSQL keeps text, read by the ruleset of today.
    slot = slots.key(item.place.container, str(item.place.slot))
    return item if slot == item.place.slot else replace(item, place=Place(item.place.container, slot))
