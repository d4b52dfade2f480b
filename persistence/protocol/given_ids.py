"""Ids that callers give to instances they grant: each is one character's before any session can have it."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from engine.commands import Command, GrantRequest
from engine.refusals import Refusal, RefusalCode
from persistence.errors import PersistenceError
from persistence.postgres.store import InventoryStore


def given_ids(commands: Sequence[Command]) -> list[tuple[str, int]]:
    """The ids of instances that are granted, with the index of the command."""
    return [
        (command.item_id, op_index)
        for op_index, command in enumerate(commands)
        if isinstance(command, GrantRequest) and command.item_id is not None
    ]


class _Item(Struct):
    item_id: str


class _Changes(Struct):
    changed: tuple[_Item, ...]


class _Reply(Struct):
    changes: _Changes


_reply = msgspec.json.Decoder(_Reply)


class GivenIds:
    """Reserves them in PostgreSQL, where an item is nobody else's."""

    def __init__(self, store: InventoryStore) -> None:
        """Made by ``CommandRunner``."""
        self._store = store

    async def taken(self, char_id: str, commands: Sequence[Command]) -> tuple[Refusal, ...]:
        """What refuses those that others have; nothing is reserved."""
        ids = given_ids(commands)
        taken = await self._store.item_ids_taken(char_id, [item_id for item_id, _ in ids]) if ids else ()
        return tuple(_already_exists(*given) for given in ids if given[0] in taken)

    async def reserve(
        self, char_id: str, commands: Sequence[Command], id_prefix: str
    ) -> tuple[Refusal | None, set[str]]:
        """Make them this character's, for the call of ``id_prefix``.

        Answers with those that nobody had asked for before, too.
        """
        ids = given_ids(commands)
        if not ids:
            return None, set()
        taken, fresh = await self._store.reserve_item_ids(char_id, [item_id for item_id, _ in ids], id_prefix)
        for item_id, op_index in ids:
            if item_id in taken:
                return _already_exists(item_id, op_index), fresh
        return None, fresh

    async def release_unused(self, char_id: str, fresh: set[str], id_prefix: str, reply: bytes) -> None:
        """What was asked for and did not come, for want of room perhaps, is still for others to have."""
        if fresh:
            made = {item.item_id for item in _reply.decode(reply).changes.changed}
            await self.release(char_id, fresh - made, id_prefix)

    async def release(self, char_id: str, fresh: set[str], id_prefix: str) -> None:
        """What was refused must not keep the ids from others."""
        # If it cannot be done now, they stay reserved; the caller's answer is what counts.
        if fresh:
            with suppress(PersistenceError):
                await self._store.release_item_ids(char_id, sorted(fresh), id_prefix)


def _already_exists(item_id: str, op_index: int) -> Refusal:
    return Refusal(RefusalCode.ALREADY_EXISTS, {"item_id": item_id}, op_index)
