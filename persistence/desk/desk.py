"""The desk: all that support staff and operators do with one character, wired together."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

from engine.state import Item
from persistence.desk import quarantine
from persistence.desk.erasure import Eraser
from persistence.desk.export import Exporter
from persistence.desk.history import JournalPage, journal_page
from persistence.desk.incidents import Incident, incidents
from persistence.desk.repair import Repairer
from persistence.desk.restore import Restorer
from persistence.desk.rulesets import Standing, standing
from persistence.errors import CharacterNotFound, Unavailable
from persistence.items.item_gateway import ItemGateway
from persistence.ledger.errors import HistoryDropped, LedgerGap
from persistence.ledger.reading import inventory_at
from persistence.ledger.replay import ReplayError
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from persistence.records import CharacterHead, SessionState
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue


class Save(Protocol):
    """Brings a session to PostgreSQL, and with ``evict`` ends it."""

    def __call__(self, char_id: str, *, evict: bool = False) -> Awaitable[SessionState]:
        """See ``InventoryOrchestrator.save_session``."""


class History(Struct, frozen=True):
    """A character and a page of its ledger.

    ``before``: the items right before the page's first entry, None where the ledger does not tell.
    """

    head: CharacterHead
    quarantined: str | None
    page: JournalPage
    before: Mapping[str, Item] | None
    incidents: list[Incident]


class Desk:
    """Looks at characters, brings inventories back, mends what was quarantined, exports and erases."""

    def __init__(
        self,
        store: InventoryStore,
        sessions: InventorySessionManager,
        work: WorkQueue,
        items: ItemGateway,
        load: Callable[[str], Awaitable[object]],
        save: Save,
    ) -> None:
        """``load`` and ``save`` are the orchestrator's ``load_session`` and ``save_session``."""
        self._store = store
        self._sessions = sessions
        self._work = work
        self._load = load
        self._save = save
        self.restorer = Restorer(store, sessions, work, save, self._bring_together)
        self.repairer = Repairer(store, sessions, save)
        self.eraser = Eraser(store, sessions, save)
        self.exporter = Exporter(store, sessions, items, save)

    async def history(self, char_id: str, after_seq: int, limit: int) -> History:
        """The ledger's entries after ``after_seq``; raises ``CharacterNotFound``, ``Unavailable``."""
        page = await journal_page(self._store, self._sessions, self._work, char_id, after_seq, limit)
        head = await self._store.character(char_id)
        if head is None:
            raise CharacterNotFound(char_id)
        return History(
            head,
            await quarantine.reason_of(self._store, char_id),
            page,
            await self._before(char_id, page),
            await incidents(self._store, self._work, char_id),
        )

    async def standing(self, char_id: str) -> Standing:
        """Under which rulesets the character is played, as far as that is known; raises ``Unavailable``."""
        return await standing(self._store, self._sessions.mirror.link, self._sessions.keys, char_id)

    async def quarantined(self) -> list[quarantine.Quarantined]:
        """All characters that are, by id."""
        return await quarantine.quarantined(self._store)

    async def release(self, char_id: str) -> str:
        """Let a character be loaded again as it is; see ``quarantine.release``."""
        return await quarantine.release(self._store, char_id)

    async def _bring_together(self, char_id: str) -> None:
        """What a session and PostgreSQL disagree about is settled by a load; then it ends, if it can."""
        await self._load(char_id)
        # A player who never pauses may keep it from ending, and it is as good alive.
        with suppress(Unavailable):
            await self._save(char_id, evict=True)

    async def _before(self, char_id: str, page: JournalPage) -> Mapping[str, Item] | None:
        if not page.entries:
            return {}
        try:
            async with self._store.database.connection() as connection:
                seq = page.entries[0].seq - 1
                return (await inventory_at(connection, char_id, seq, Slots(self._store.ruleset))).items
        except (HistoryDropped, LedgerGap, ReplayError):
            return None
