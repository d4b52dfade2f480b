"""LOAD: a character's inventory from PostgreSQL becomes a live session (docs/protocol.md)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.facts import UNKNOWN_KIND, Facts
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO, Item
from persistence.errors import CharacterQuarantined, Unavailable
from persistence.item_gateway import ItemGateway
from persistence.records import Snapshot
from persistence.session_manager import InventorySessionManager
from persistence.session_state import Probe
from persistence.store import InventoryStore

_log = logging.getLogger(__name__)

# Each attempt that does not end in a live session was overtaken by another load, an eviction or
# a failover; so many in a row mean that something else is wrong.
ATTEMPTS = 10


class Loader:
    """Loads sessions; loads of one character that are asked for at once are one load."""

    def __init__(
        self,
        sessions: InventorySessionManager,
        store: InventoryStore,
        items: ItemGateway,
        ruleset: Ruleset,
        flush: Callable[[str], Awaitable[object]],
    ) -> None:
        """``flush`` brings one character's changes to PostgreSQL, before its session is written anew."""
        self._sessions = sessions
        self._store = store
        self._items = items
        self._ruleset = ruleset
        self._flush = flush
        self._under_way: dict[str, asyncio.Task[tuple[Probe, bool]]] = {}

    async def load(self, char_id: str) -> tuple[Probe, bool]:
        """A live session under this node, ruleset and catalog, and whether that took a load.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``, ``Unavailable``.
        """
        task, waited = self._under_way.get(char_id), False
        if task is not None:
            # It began before this call, so what it has seen may be older: only a later one may answer.
            _, waited = await asyncio.shield(task)
            task = self._under_way.get(char_id)
        if task is None or task.done():
            task = asyncio.create_task(self._load(char_id))
            self._under_way[char_id] = task
            task.add_done_callback(lambda done: self._ended(char_id, done))
        # A caller who goes away takes nothing from the others who wait.
        probe, loaded = await asyncio.shield(task)
        return probe, loaded or waited

    def _ended(self, char_id: str, task: "asyncio.Task[tuple[Probe, bool]]") -> None:
        if self._under_way.get(char_id) is task:
            del self._under_way[char_id]
        if not task.cancelled():
            # Where all who asked have gone, its error is no news.
            task.exception()

    async def _load(self, char_id: str) -> tuple[Probe, bool]:
        for attempt in range(ATTEMPTS):
            probe = await self._sessions.probe(char_id)
            if self._is_playable(probe):
                return probe, attempt > 0
            if probe.on_this_node and probe.seq > probe.flushed_seq:
                # What is derived from old rules or facts can be written anew only when
                # PostgreSQL has all of the session.
                await self._flush(char_id)
            await self.reload(char_id, probe)
        raise Unavailable(f"character {char_id} could not be loaded in {ATTEMPTS} attempts")

    async def reload(self, char_id: str, probe: Probe | None = None) -> str:
        """One load, wanted or not: raise the epoch, read, install; answers with what became of it."""
        if probe is None:
            probe = await self._sessions.probe(char_id)
        if probe.catalog > self._items.version:
            # Old facts must never be written over newer ones.
            await self._items.refresh()
        snapshot = await self._store.begin_load(char_id)
        catalog = self._items.version
        session = self._session(snapshot)
        verdict = await self._sessions.open(
            session,
            probe=probe,
            epoch=snapshot.head.epoch,
            incarnation=snapshot.head.incarnation,
            catalog=catalog,
            line=snapshot.line,
            operations=snapshot.operations,
        )
        if verdict == "REPLACED":
            reason = f"Redis held seq {probe.seq} and PostgreSQL {session.seq}: the session was replaced"
            _log.error("character %s: %s, and what it had not flushed is set aside", char_id, reason)
            await self._keep_incident(char_id, reason)
        return verdict

    async def adopt(self, char_id: str) -> str:
        """A load for a flush's sake: the session goes on under a newer epoch, or gives way if it is behind.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``.
        """
        probe = await self._sessions.probe(char_id)
        # The epoch must be one of its own: under that of another load, whose rows may come yet, the two
        # could not be told apart.
        snapshot = await self._store.begin_load(char_id)
        head = snapshot.head
        verdict = await self._sessions.adopt(
            char_id,
            probe=probe,
            epoch=head.epoch,
            seq=head.seq,
            incarnation=head.incarnation,
            line=snapshot.line,
        )
        return await self.reload(char_id) if verdict == "BEHIND" else verdict

    async def _keep_incident(self, char_id: str, reason: str) -> None:
        # Whoever dies in between leaves the entries in Redis, where the next incident is added to them.
        entries = await self._sessions.incident(char_id)
        if entries:
            await self._store.record_incident(char_id, reason, entries)
            await self._sessions.forget_incident(char_id, entries)

    def _is_playable(self, probe: Probe) -> bool:
        return (
            probe.on_this_node
            and probe.ruleset == f'"{self._ruleset.hash}"'
            and probe.catalog == self._items.version
        )

    def _session(self, snapshot: Snapshot) -> InventorySessionDTO:
        head = snapshot.head
        facts = {item.template_id: self._facts(head.char_id, item) for item in snapshot.items}
        for item in snapshot.items:
            place = item.place
            if not self._ruleset.has_place(place):
                raise CharacterQuarantined(
                    f"character {head.char_id}: item {item.item_id} is in {place.container} {place.slot},"
                    " which the ruleset does not have"
                )
        return InventorySessionDTO(
            head.char_id,
            head.seq,
            self._ruleset.hash,
            head.actor,
            {item.item_id: item for item in snapshot.items},
            facts,
        )

    def _facts(self, char_id: str, item: Item) -> Facts:
        facts = self._items.facts(item.template_id)
        if facts is not None:
            return facts
        # Kept and shown, never dropped: of a kind that no filter names, it fits nowhere else.
        _log.warning("character %s: no template %s in the catalog", char_id, item.template_id)
        return Facts(item.template_id, UNKNOWN_KIND, destroyable=False, tradeable=False)
