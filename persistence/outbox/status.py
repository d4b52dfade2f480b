"""What operators ask of the outbox, and do with it."""

from typing import Final

from msgspec import Struct

from persistence.errors import CharacterNotFound
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query

# The oldest change that waits is looked for among the next ones of so many characters.
CHARACTERS_LOOKED_AT: Final = 10_000
REFUSALS_SHOWN: Final = 100


class Refusal(Struct, frozen=True):
    """A character that is left aside: delivered up to ``seq``, what follows was refused so often.

    ``retry_at`` in Unix milliseconds; ``problem`` is what the receiver has answered last.
    """

    char_id: str
    seq: int
    refusals: int
    retry_at: int
    problem: str


class OutboxStatus(Struct, frozen=True):
    """How far the outbox is; times in Unix milliseconds.

    ``begun_at`` is None while nothing is delivered. ``characters`` have ``entries`` that wait, the oldest
    of which is of ``oldest_at``, None where none does. ``refused``: characters that are left aside, the
    first of which are ``refusals``.
    """

    begun_at: int | None
    characters: int
    entries: int
    oldest_at: int | None
    refused: int
    refusals: list[Refusal]


async def outbox_status(database: Database) -> OutboxStatus:
    """How far it is; raises ``Unavailable``. It goes through all characters once."""
    async with database.connection() as connection:
        row = await connection.fetchrow(query("outbox_status"))
        oldest_at = await connection.fetchval(query("outbox_oldest"), CHARACTERS_LOOKED_AT)
        refused = await connection.fetch(query("outbox_refusals"), REFUSALS_SHOWN)
    assert row is not None, "it counts"
    if row["begun_at"] is None:
        return OutboxStatus(None, 0, 0, None, 0, [])
    return OutboxStatus(
        row["begun_at"],
        row["characters"],
        row["entries"],
        oldest_at,
        refused[0]["of"] if refused else 0,
        [
            Refusal(one["char_id"], one["seq"], one["refusals"], one["retry_at"], one["problem"])
            for one in refused
        ],
    )


async def skip(database: Database, char_id: str) -> int:
    """Let all that a character has now count as delivered; the seq up to which. ``CharacterNotFound``."""
    async with database.single() as connection:
        seq: int | None = await connection.fetchval(query("outbox_skip"), char_id)
    if seq is None:
        raise CharacterNotFound(char_id)
    return seq


async def forget(database: Database) -> bool:
    """Deliver nothing that there is now, and forget the outbox; False where none has begun.

    A process that has one configured begins anew, at the present.
    """
    async with database.transaction() as connection:
        begun = await connection.fetchval(query("outbox_end")) is not None
        await connection.execute(query("outbox_forget"))
    return begun
