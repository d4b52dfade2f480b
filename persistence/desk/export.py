"""All that is kept of a character as one JSON document, made while it is sent.

It is read from one snapshot of PostgreSQL, after what the session had was saved, and page by page, so that
a ledger of any length takes no more memory than a page. The last member is ``complete``: a document that
was cut off does not have it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, cast

import msgspec
from msgspec import Raw

from persistence.desk.incidents import as_documents
from persistence.errors import CharacterNotFound, CharacterQuarantined
from persistence.items.item_gateway import ItemGateway
from persistence.postgres import store_rows
from persistence.postgres.database import Connection, Row
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from persistence.sessions.mirror import value_of
from persistence.sessions.session_manager import InventorySessionManager

# Rows of a page; what is sent at once is about so many entries.
PAGE: Final = 500

_encode = msgspec.json.Encoder().encode


class _Cursor(Protocol):
    async def fetch(self, n: int) -> list[Row]: ...


class _Cursors(Protocol):
    """What is used of a connection beside ``Connection``."""

    def cursor(self, query: str, *args: object) -> Awaitable[_Cursor]: ...


class Exporter:
    """Writes documents of characters."""

    def __init__(
        self,
        store: InventoryStore,
        sessions: InventorySessionManager,
        items: ItemGateway,
        save: Callable[[str], Awaitable[object]],
    ) -> None:
        """``save`` flushes a session, or raises ``CharacterQuarantined``; ``items`` knows names."""
        self._store = store
        self._sessions = sessions
        self._items = items
        self._save = save
        self._slots = Slots(store.ruleset)

    async def document(self, char_id: str) -> AsyncGenerator[bytes, None]:
        """The document, in parts; the first one comes when it is certain that there is such a character.

        Raises ``CharacterNotFound``, ``Unavailable``. It has a snapshot and a connection for as long as
        it runs, so it has to be closed, and read without long pauses.
        """
        # What a quarantined session holds has no way into PostgreSQL, and is read as it is.
        with suppress(CharacterQuarantined):
            await self._save(char_id)
        unflushed = await self._unflushed(char_id)
        async with self._store.database.transaction() as connection:
            await connection.execute(query("audit_snapshot"))
            head = await connection.fetchrow(query("export_head"), char_id)
            if head is None:
                raise CharacterNotFound(char_id)
            yield _beginning(head)
            for name, statement, shape in self._lists():
                yield b',"%s":[' % name.encode()
                first = True
                async for page in _pages(connection, statement, char_id):
                    texts = b",".join(_encode(shape(row)) for row in page)
                    yield texts if first else b"," + texts
                    first = False
                yield b"]"
            entries, set_aside = unflushed
            # An entry that was flushed after it was read stands in the ledger already.
            ahead = [entry for entry in entries if _seq_of(entry) > head["seq"]]
            yield b',"unflushed":%s,"set_aside":%s,"complete":true}\n' % (_encode(ahead), _encode(set_aside))

    def _lists(self) -> Iterable[tuple[str, str, Callable[[Row], Any]]]:
        return (
            ("items", query("export_items"), self._item),
            ("ledger", query("export_ledger"), store_rows.entry),
            ("baselines", query("export_baselines"), _baseline),
            ("operations", query("export_operations"), _operation),
            ("incidents", query("export_incidents"), _incident),
            ("granted_ids", query("export_granted_ids"), _granted_id),
        )

    def _item(self, row: Row) -> Mapping[str, Any]:
        item: dict[str, Any] = msgspec.to_builtins(self._slots.item(row))
        template = self._items.template(item["template_id"])
        name = None if template is None else template.data.get("name")
        return item if name is None else item | {"name": name}

    async def _unflushed(self, char_id: str) -> tuple[tuple[Raw, ...], tuple[Raw, ...]]:
        """The session's journal, and what of an earlier session waits in Redis for its place."""
        keys = self._sessions.keys.of(char_id)
        journal, incident = map(
            value_of,
            await self._sessions.mirror.link.send(
                [("LRANGE", keys.journal, 0, -1), ("LRANGE", keys.incident, 0, -1)], harmless=True
            ),
        )
        return as_documents(journal), as_documents(incident)


async def _pages(connection: Connection, statement: str, char_id: str) -> AsyncIterator[list[Row]]:
    cursor = await cast("_Cursors", connection).cursor(statement, char_id)
    while page := await cursor.fetch(PAGE):
        yield page


def _beginning(head: Row) -> bytes:
    """All but the closing brace, which the end of the document brings."""
    names = ("char_id", "name", "created_at", "imported_at", "exported_at", "seq", "quarantined")
    document = {name: head[name] for name in names} | {"actor": Raw(head["actor"])}
    return _encode(document)[:-1]


def _baseline(row: Row) -> Mapping[str, Any]:
    documents = {name: row[name] and Raw(row[name]) for name in ("actor", "items", "totals")}
    return {"seq": row["seq"], "at": row["at"]} | documents


def _operation(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in ("op_id", "seq", "at")} | {"reply": Raw(row["reply"].encode())}


def _incident(row: Row) -> Mapping[str, Any]:
    return {"at": row["at"], "reason": row["reason"], "entries": Raw(row["entries"])}


def _granted_id(row: Row) -> Mapping[str, Any]:
    return {"item_id": row["item_id"].hex, "at": row["at"]}


class _Numbered(msgspec.Struct):
    seq: int


_numbered = msgspec.json.Decoder(_Numbered).decode


def _seq_of(entry: Raw) -> int:
    """The entry's seq; of what is no entry, beyond all of them."""
    try:
        return _numbered(entry).seq
    except msgspec.MsgspecError:
        return 2**63
