"""What the gateway asks for, brought together from sessions, PostgreSQL and the item catalog."""

import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Sequence

from engine.commands import Command, GrantRequest, SetActorRequest
from engine.facts import Facts
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from engine.state import Actor
from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    InvalidWords,
    OutcomeUnknown,
    PersistenceError,
    Unavailable,
)
from persistence.evictor import Evictor
from persistence.flusher import Flusher
from persistence.item_gateway import ItemGateway
from persistence.loader import Loader
from persistence.records import Call, Character, CharacterHead, LiveSession, SessionState, TagMismatch
from persistence.session_manager import InventorySessionManager, StaleCatalog
from persistence.session_state import QUARANTINED, Probe, Replied
from persistence.store import InventoryStore

_DURABLE_SEQ = re.compile(rb'"durable_seq":\d+')


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
        loader: Loader,
        flusher: Flusher,
        evictor: Evictor,
    ) -> None:
        """Made by ``persistence.service.open_service``."""
        self.ruleset = ruleset
        self.items = items
        self.store = store
        self._sessions = sessions
        self._loader = loader
        self._flusher = flusher
        self._evictor = evictor

    async def create_character(self, char_id: str | None, name: str, actor: Actor) -> Character:
        """A new character; raises ``CharacterExists``, ``InvalidWords``."""
        self._check_actor(actor)
        head = await self.store.create_character(char_id or str(uuid.uuid4()), name, actor)
        return _stored(head)

    async def character(self, char_id: str) -> Character:
        """The character as it is now; raises ``CharacterNotFound``."""
        head = await self.store.character(char_id)
        if head is None:
            raise CharacterNotFound(char_id)
        probe = await self._sessions.probe(char_id)
        if not probe.on_this_node:
            return _stored(head)
        live = await self._sessions.read_actor(char_id) or head.actor
        return Character(char_id, head.name, live, True, probe.seq, probe.flushed_seq, head.created_at)

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

    async def execute(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> bytes | Refusal | TagMismatch:
        """Do the commands in order, all or nothing; the reply's JSON body as it is to be sent.

        ``id_prefix``, 24 hex digits that no call used before, begins the ids of new items; it is
        random unless given.

        Raises ``SessionNotLive`` (load it and repeat), ``InvalidWords``, ``IdempotencyMismatch``.
        """
        self._check_words(commands)
        answer = await self._execute(char_id, commands, call, id_prefix or secrets.token_hex(12))
        if not isinstance(answer, Replied):
            return answer
        if not call.durable:
            return answer.body
        try:
            incarnation, durable_seq = await self._flusher.flush_now(char_id)
        except PersistenceError as error:
            # It was done; only that PostgreSQL has it cannot be said.
            raise OutcomeUnknown(f"seq {answer.seq} was applied, but is not durable yet: {error}") from error
        if incarnation != answer.incarnation or durable_seq < answer.seq:
            # Redis lost the session before it was flushed: what was applied may be gone with it.
            raise OutcomeUnknown(
                f"seq {answer.seq} was applied, but the session was lost before it was durable"
            )
        return _DURABLE_SEQ.sub(b'"durable_seq":%d' % answer.seq, answer.body, count=1)

    async def readiness(self) -> dict[str, str]:
        """What serving needs, each "ok" or what is wrong with it."""
        return {
            "redis": await _verdict(self._sessions.mirror.link.call("PING", harmless=True)),
            "library": await _verdict(self._sessions.mirror.is_loaded(), "not loaded"),
            "postgresql": await _verdict(self.store.ping()),
            "migrations": await _verdict(self._migrated(), "pending"),
        }

    async def _execute(
        self, char_id: str, commands: Sequence[Command], call: Call, id_prefix: str
    ) -> Replied | Refusal | TagMismatch:
        for _ in range(2):
            try:
                return await self._sessions.execute(
                    char_id,
                    commands,
                    call,
                    catalog=self.items.version,
                    templates=self._templates(commands),
                    id_prefix=id_prefix,
                    at_ms=time.time_ns() // 1_000_000,
                )
            except StaleCatalog:
                # Old facts must never overwrite newer ones, so ours are brought up to date first.
                await self.items.refresh()
        raise Unavailable("the item catalog is changing")

    def _templates(self, commands: Sequence[Command]) -> dict[str, Facts]:
        found: dict[str, Facts] = {}
        for command in commands:
            if isinstance(command, GrantRequest):
                facts = self.items.facts(command.template_id)
                if facts is not None:
                    found[command.template_id] = facts
        return found

    def _check_words(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, SetActorRequest):
                self._check_actor(
                    Actor(
                        0,
                        command.class_ or "",
                        command.attributes,
                        (*command.states.add, *command.states.remove),
                    )
                )

    def _check_actor(self, actor: Actor) -> None:
        errors = self.ruleset.actor_errors(
            class_=actor.class_, attributes=actor.attributes, states=actor.states
        )
        if errors:
            raise InvalidWords(errors)

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
