"""What is delivered: ledger entries of several characters, those of each in order and without a gap."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from persistence.postgres.database import Database, Row
from persistence.postgres.named_sql import query

_log = logging.getLogger(__name__)

# Of one character at a time: receivers bound what they take in one piece.
RUN_BYTES: Final = 256 * 1024
_encode = msgspec.json.Encoder().encode


class OutboxEntry(Struct, frozen=True, gc=False):
    """A ledger entry and whose it is, as it is delivered; ``at`` in Unix milliseconds."""

    char_id: str
    seq: int
    at: int
    by: str
    request_id: str
    op_id: str
    commands: Raw
    changes: Raw


class Run(Struct, frozen=True):
    """What comes next of one character: entries as JSON. ``head_seq``: PostgreSQL has so many by now.

    ``last_at``: the time of the last entry. ``refusals``: how often these were refused.
    """

    char_id: str
    head_seq: int
    refusals: int
    first_seq: int
    last_seq: int
    last_at: int
    texts: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of the entries."""
        return sum(map(len, self.texts))


class Batch(Struct, frozen=True):
    """Runs that are delivered as one; ``id`` is the same whenever just these entries are in it."""

    runs: tuple[Run, ...]

    @property
    def id(self) -> str:
        """A name for it."""
        said = " ".join(f"{run.char_id}:{run.first_seq}-{run.last_seq}" for run in self.runs)
        return "msg_" + hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    @property
    def count(self) -> int:
        """How many entries."""
        return sum(len(run.texts) for run in self.runs)


async def next_runs(database: Database, char_ids: Sequence[str], limit: int) -> list[Run]:
    """What comes next of these, up to ``limit`` entries each; who has nothing now is left out.

    Where the ledger has lost entries that were still to be delivered, the log says so, and the run goes on
    with those that are there; without any it has no texts, and ends at its head. Raises ``Unavailable``.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(query("outbox_next"), char_ids, limit)
    by_character: dict[str, list[Row]] = {}
    for row in rows:
        by_character.setdefault(row["char_id"], []).append(row)
    return [_run(char_id, found) for char_id, found in by_character.items()]


async def note_delivered(database: Database, runs: Sequence[Run]) -> None:
    """Go on after these from now on.

    Raises ``Unavailable``; ``OutcomeUnknown``: they may be delivered again.
    """
    async with database.single() as connection:
        await connection.execute(
            query("outbox_delivered"), [run.char_id for run in runs], [run.last_seq for run in runs]
        )


async def note_refused(database: Database, run: Run, retry_s: float, problem: str) -> None:
    """Leave the character aside for ``retry_s`` seconds; raises as ``note_delivered``."""
    async with database.single() as connection:
        await connection.execute(query("outbox_refused"), run.char_id, retry_s, problem)


def _run(char_id: str, rows: Sequence[Row]) -> Run:
    head_seq, delivered_seq, refusals = (rows[0][name] for name in ("head_seq", "delivered_seq", "refusals"))
    first_seq = rows[0]["seq"]
    if first_seq != delivered_seq + 1:
        _log.error(
            "character %s: entries %d to %d have gone from the ledger and are not delivered",
            char_id, delivered_seq + 1, (head_seq + 1 if first_seq is None else first_seq) - 1,
        )  # fmt: skip
    if first_seq is None:
        return Run(char_id, head_seq, refusals, head_seq, head_seq, 0, ())
    texts: list[bytes] = []
    size, last = 0, rows[0]
    for row in rows:
        if size >= RUN_BYTES or row["seq"] != first_seq + len(texts):
            # The rest comes next; where it begins later than this ends, that is told then.
            break
        texts.append(_text(char_id, row))
        size, last = size + len(texts[-1]), row
    return Run(char_id, head_seq, refusals, first_seq, last["seq"], last["at"], tuple(texts))


def _text(char_id: str, row: Row) -> bytes:
    return _encode(
        OutboxEntry(
            char_id, row["seq"], row["at"], row["by"], row["request_id"], row["op_id"],
            Raw(row["commands"]), Raw(row["changes"]),
        )
    )  # fmt: skip
