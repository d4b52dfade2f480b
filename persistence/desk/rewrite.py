"""One more ledger entry that an operator makes, and the items that it leads to, in one transaction."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from engine.outcome import Changes
from engine.state import Item
from persistence.desk.errors import DeskRefusal
from persistence.errors import CharacterNotFound
from persistence.postgres import flush_batch, store_rows
from persistence.postgres.database import Connection
from persistence.postgres.named_sql import query
from persistence.postgres.store_rows import Slots
from persistence.records import CharacterHead, FlushWork, JournalEntry


class Origin(Struct, frozen=True):
    """Who does it, as the ledger will say, and why, which it says beside the command; "" for no reason."""

    by: str = "operator"
    reason: str = ""


class Stored(Struct, frozen=True):
    """A character in PostgreSQL, of one moment; ``quarantined`` is the reason, None when it is not."""

    head: CharacterHead
    quarantined: str | None
    items: Mapping[str, Item]


async def lock(connection: Connection, char_id: str, slots: Slots) -> Stored:
    """Read a character and keep flushes and loads of it waiting until the transaction ends.

    Items change only under their owner's head, so those read after it are those of its seq.
    Raises ``CharacterNotFound``.
    """
    row = await connection.fetchrow(query("desk_lock"), char_id)
    if row is None:
        raise CharacterNotFound(char_id)
    items = map(slots.item, await connection.fetch(query("items_of"), [char_id]))
    return Stored(store_rows.head(row), row["quarantined"], {item.item_id: item for item in items})


async def refuse_items_of_others(connection: Connection, char_id: str, items: Mapping[str, Item]) -> None:
    """Raise ``DeskRefusal``, naming them, where items are another character's by now."""
    rows = await connection.fetch(query("desk_items_of_others"), char_id, list(items))
    if rows:
        raise DeskRefusal(
            "these items belong to other characters now: "
            + ", ".join(
                f"{items[row['item_id'].hex].template_id} {row['item_id'].hex} ({row['owner']})"
                for row in rows
            )
        )


async def overtake(
    connection: Connection, head: CharacterHead, *, epoch: int = 0, incarnation: int = 0
) -> CharacterHead:
    """End whatever holds the locked character: a newer epoch, no session out, no mark.

    Epoch and incarnation do not fall behind those given, which a session was seen to have.
    """
    row = await connection.fetchrow(query("desk_overtake"), head.char_id, epoch, incarnation)
    assert row is not None, "the head is locked"
    return store_rows.head(row)


async def append(
    connection: Connection, head: CharacterHead, command: Mapping[str, Any], changes: Changes, origin: Origin
) -> int:
    """Write an entry behind the locked head's last, and its items, as a flush does; answers its seq.

    Every item is guarded by its owner. Raises ``FlushRejected`` where one is another's, and the
    transaction must not be committed then.
    """
    said = {"reason": origin.reason} if origin.reason else {}
    commands: Sequence[Mapping[str, Any]] = [{**command, **said}]
    entry = JournalEntry(
        seq=head.seq + 1,
        at=time.time_ns() // 1_000_000,
        by=origin.by,
        request_id="",
        op_id="",
        commands=Raw(msgspec.json.encode(commands)),
        changes=changes,
    )
    work = FlushWork(head.char_id, head.epoch, head.seq, (entry,), head.incarnation)
    await flush_batch.write(work, connection)
    await connection.execute(query("mark_closed"), head.char_id, head.epoch)
    return entry.seq
