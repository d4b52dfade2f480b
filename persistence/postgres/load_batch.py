"""Step 2 of LOAD for many characters in one transaction: docs/protocol.md, "LOAD"."""

from collections import defaultdict
from collections.abc import Sequence

from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    OutcomeUnknown,
    PersistenceError,
    Unavailable,
)
from persistence.operations import OPERATIONS_KEPT_S
from persistence.postgres import store_rows
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.records import Snapshot


class HeadHeld(Unavailable):
    """Somebody else's transaction holds the character's head, a flush mostly; soon it may be free."""


Begun = Snapshot | PersistenceError


async def begin(database: Database, slots: store_rows.Slots, char_ids: Sequence[str]) -> dict[str, Begun]:
    """Raise the epochs of different characters, and read what belongs to them, by at most six statements.

    The heads are locked by their update, which keeps flushes out until COMMIT; the items are read by
    a later statement, which sees all that a flush before it committed. Items change only under their
    owner's head, so they are those of the head's seq.

    A character found open gets a new incarnation in the same update, so that it is durable
    before a session is made from it.

    Answers for each with its snapshot, or with why there is none: ``CharacterNotFound``,
    ``CharacterQuarantined``, ``HeadHeld``. Raises ``Unavailable``, also when the reply to COMMIT is
    lost: an epoch that nobody holds does no harm, and a load may be repeated. ``ValueError``:
    PostgreSQL refuses one of the ids, or to read something.
    """
    try:
        async with database.transaction() as connection:
            heads = {row["n"] - 1: row for row in await connection.fetch(query("begin_loads"), char_ids)}
            begun = [char_ids[n] for n in heads]
            left_out = [char_id for n, char_id in enumerate(char_ids) if n not in heads]
            items = await connection.fetch(query("items_of"), begun) if begun else []
            done = await connection.fetch(query("operations_of"), begun, OPERATIONS_KEPT_S) if begun else []
            why = await connection.fetch(query("not_begun"), left_out) if left_out else []
    except OutcomeUnknown as error:
        raise Unavailable(str(error)) from error
    items_by, done_by = defaultdict(list), defaultdict(list)
    for row in items:
        items_by[row["n"]].append(slots.item(row))
    for row in done:
        done_by[row["n"]].append(store_rows.operation(row))
    answers: dict[str, Begun] = {char_id: CharacterNotFound(char_id) for char_id in left_out}
    for row in why:
        answers[left_out[row["n"] - 1]] = _reason(left_out[row["n"] - 1], row["quarantined"])
    for n, (char_id, row) in enumerate(zip(begun, heads.values(), strict=True), 1):
        answers[char_id] = Snapshot(store_rows.head(row), tuple(items_by[n]), tuple(done_by[n]), row["line"])
    return answers


def _reason(char_id: str, quarantined: str | None) -> PersistenceError:
    if quarantined is not None:
        return CharacterQuarantined(f"character {char_id}: {quarantined}")
    return HeadHeld(f"the head of character {char_id} is held by another transaction")
