"""Characters, their sessions and their ledgers, as the service shows them."""

from typing import Any

from msgspec import Struct

from haversack_client.inventory import Actor, Changes


class Character(Struct, frozen=True):
    """A character; ``live``: there is a session. ``created_at`` in Unix milliseconds."""

    char_id: str
    name: str
    actor: Actor
    live: bool
    seq: int
    durable_seq: int
    created_at: int


class CharacterPage(Struct, frozen=True):
    """Characters by id; ``cursor`` begins the next page, None on the last."""

    characters: tuple[Character, ...]
    cursor: str | None


class Session(Struct, frozen=True):
    """Where a session stands."""

    char_id: str
    live: bool
    seq: int
    durable_seq: int
    epoch: int


class LedgerEntry(Struct, frozen=True):
    """A call that changed the inventory: ``at`` in Unix milliseconds, ``by`` whose token it was.

    ``op_id`` is the idempotency key. ``commands`` as they were asked for.
    """

    seq: int
    at: int
    by: str
    request_id: str
    op_id: str
    commands: tuple[dict[str, Any], ...]
    changes: Changes


class LedgerPage(Struct, frozen=True):
    """Entries in order; ``cursor`` is the ``after_seq`` of the next page, None on the last."""

    entries: tuple[LedgerEntry, ...]
    cursor: str | None
