"""What the gateway asks for, brought together from sessions, PostgreSQL and the item catalog."""

import uuid
from collections.abc import Awaitable, Sequence

from engine.commands import Command
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from engine.state import Actor
from persistence.desk.desk import Desk
from persistence.desk.history import JournalPage, journal_page
from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    PersistenceError,
)
from persistence.events.feed import EventFeed
from persistence.items.item_gateway import ItemGateway
from persistence.link.submitted import Submitted
from persistence.postgres.store import InventoryStore
from persistence.protocol.command_runner import CommandRunner
from persistence.protocol.evictor import Evictor
from persistence.protocol.flusher import Flusher
from persistence.protocol.loader import Loader
from persistence.records import Call, Character, CharacterHead, LiveSession, SessionState, TagMismatch
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import QUARANTINED, Probe
from persistence.sessions.work_queue import WorkQueue
from persistence.survey import Survey


class InventoryOrchestrator:
    """Loads sessions, plays commands on them, and saves them.

    Every method may raise ``Unavailable`` (nothing was done), and those that change something
    ``OutcomeUnknown``. Character ids are UUIDs as lower-case text with dashes.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        items: ItemGateway,
        store: InventoryStore,
        sessions: InventorySessionManager,
        work: WorkQueue,
        loader: Loader,
        flusher: Flusher,
        evictor: Evictor,
        events: EventFeed | None = None,
        survey: Survey | None = None,
    ) -> None:
        """Made by ``persistence.service.open_service``."""
        self.ruleset = ruleset
        self.items = items
        self.store = store
        self.survey = survey
        self._sessions = sessions
        self._work = work
        self._loader = loader
        self._flusher = flusher
        self._evictor = evictor
        self._events = events
        self._runner = CommandRunner(items, store, sessions, flusher)

    async def create_character(self, char_id: str | None, name: str, actor: Actor) -> Character:
        """A new character; raises ``CharacterExists``, ``InvalidWords``."""
        self._runner.check_actor(actor)
        head = await self.store.create_character(char_id or str(uuid.uuid4()), name, actor)
        return _stored(head)

    async def character(self, char_id: str) -> Character:
        """The character as it is now; raises ``CharacterNotFound``."""
        probe, actor = await self._sessions.read_actor(char_id)
        # In this order: what a session had that ends meanwhile is in PostgreSQL by then.
        head = await self.store.character(char_id)
        if head is None:
            raise CharacterNotFound(char_id)
        # One that is closing may still have what its last flush has not brought.
        is_ahead = probe.on_this_node or (probe.is_closing_here and probe.seq > head.seq)
        if actor is None or not is_ahead:
            return _stored(head)
        live = probe.on_this_node
        return Character(char_id, head.name, actor, live, probe.seq, probe.flushed_seq, head.created_at)

    async def characters(self, name: str | None, after: str | None, limit: int) -> list[Character]:
        """Characters by id after ``after``; with ``name``, those whose name begins with it.

        Actor and seq are PostgreSQL's; a live session may be ahead of them by one flush.
        """
        heads = await self.store.characters(name, after, limit)
        probes = await self._sessions.probes([head.char_id for head in heads])
        return [
            Character(
                head.char_id,
                head.name,
                head.actor,
                probe.on_this_node,
                max(head.seq, probe.seq),
                head.seq,
                head.created_at,
            )
            for head, probe in zip(heads, probes, strict=True)
        ]

    async def load_session(self, char_id: str) -> tuple[SessionState, bool]:
        """Make the session live; the flag is True when it was not.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``.
        """
        probe, loaded = await self._loader.load(char_id)
        return _state(char_id, probe), loaded

    async def save_session(self, char_id: str, *, evict: bool = False) -> SessionState:
        """Return when PostgreSQL has all that the session had; with ``evict`` the session is then gone.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``.
        """
        if evict:
            await self._evictor.evict(char_id)
        probe = await self._sessions.probe(char_id)
        if probe.status == QUARANTINED:
            raise CharacterQuarantined(f"character {char_id} is quarantined")
        if probe.status and not evict:
            await self._flusher.flush_now(char_id)
            probe = await self._sessions.probe(char_id)
        if probe.status:
            return _state(char_id, probe)
        head = await self.store.character(char_id)
        if head is None:
            raise CharacterNotFound(char_id)
        return SessionState(char_id, False, head.seq, head.seq, head.epoch)

    async def read_session(self, char_id: str) -> LiveSession:
        """The whole session; raises ``SessionNotLive``."""
        return await self._sessions.read(char_id)

    async def standing(self, char_id: str) -> Probe:
        """Where a live session stands, without reading it; raises ``SessionNotLive``."""
        return await self._sessions.standing(char_id)

    def submit(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> Submitted:
        """Do the commands in order, all or nothing; await what this answers. See ``CommandRunner.submit``."""
        return self._runner.submit(char_id, commands, call, id_prefix=id_prefix)

    async def preview(
        self, char_id: str, commands: Sequence[Command], call: Call
    ) -> Applied | tuple[Refusal, ...] | TagMismatch:
        """What the commands would do, or all that speaks against it; see ``CommandRunner.preview``."""
        return await self._runner.preview(char_id, commands, call)

    async def journal(self, char_id: str, after_seq: int, limit: int) -> JournalPage:
        """The ledger, a page of it, without loading the session; see ``desk.history.journal_page``."""
        return await journal_page(self.store, self._sessions, self._work, char_id, after_seq, limit)

    @property
    def events(self) -> EventFeed:
        """Who follows characters, and what they are told."""
        assert self._events is not None, "it was made without"
        return self._events

    def desk(self) -> Desk:
        """What operators do with one character."""
        return Desk(self.store, self._sessions, self._work, self.items, self.load_session, self.save_session)

    async def readiness(self) -> dict[str, str]:
        """What serving needs, each "ok" or what is wrong with it."""
        return {
            "redis": await _verdict(self._sessions.mirror.link.call("PING", harmless=True)),
            "library": await _verdict(self._sessions.mirror.is_loaded(), "not loaded"),
            "postgresql": await _verdict(self.store.ping()),
            "migrations": await _verdict(self._migrated(), "pending"),
        }

    async def _migrated(self) -> bool:
        return not await self.store.pending_migrations()


async def _verdict(check: Awaitable[object], otherwise: str = "") -> str:
    try:
        answer = await check
    except PersistenceError as error:
        return str(error)
    return otherwise if otherwise and not answer else "ok"


def _stored(head: CharacterHead) -> Character:
    return Character(head.char_id, head.name, head.actor, False, head.seq, head.seq, head.created_at)


def _state(char_id: str, probe: Probe) -> SessionState:
    return SessionState(char_id, probe.on_this_node, probe.seq, probe.flushed_seq, probe.epoch)
