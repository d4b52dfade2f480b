"""From a call's commands to its reply: words, templates and ids looked up, then carried out."""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from engine.commands import (
    Command,
    ConsumeRequest,
    DropRequest,
    EquipRequest,
    GrantRequest,
    LockRequest,
    MoveRequest,
    SetActorRequest,
    UnequipRequest,
    UnlockRequest,
    UseRequest,
)
from engine.facts import Facts
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.state import Actor
from persistence.errors import (
    Backpressure,
    Conflict,
    IdempotencyMismatch,
    InvalidWords,
    OutcomeUnknown,
    PersistenceError,
    SessionNotLive,
    Unavailable,
)
from persistence.items.item_gateway import ItemGateway
from persistence.link.submitted import Answer, Submitted
from persistence.postgres.store import InventoryStore
from persistence.protocol.cold_commands import ColdCommands, is_cold
from persistence.protocol.flusher import Flusher
from persistence.protocol.given_ids import GivenIds, given_ids
from persistence.records import Call, TagMismatch
from persistence.sessions.call_reply import StaleCatalog, answer_of
from persistence.sessions.id_prefixes import IdPrefixes
from persistence.sessions.mirror import is_missing
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import Replied

_T = TypeVar("_T")
# Commands about which nothing has to be known or checked beforehand.
_PLAIN = frozenset(
    {
        ConsumeRequest, DropRequest, EquipRequest, LockRequest, MoveRequest, UnequipRequest, UnlockRequest,
        UseRequest,
    }
)  # fmt: skip
_DURABLE_SEQ = re.compile(rb'"durable_seq":\d+')


class CommandRunner:
    """Carries out calls, or shows what they would come to."""

    def __init__(
        self, items: ItemGateway, store: InventoryStore, sessions: InventorySessionManager, flusher: Flusher
    ) -> None:
        """Made by ``InventoryOrchestrator``."""
        self._ruleset = sessions.ruleset
        self._items = items
        self._store = store
        self._sessions = sessions
        self._cold = ColdCommands(sessions)
        self._flusher = flusher
        self._id_prefixes = IdPrefixes()
        self._given_ids = GivenIds(store)

    def submit(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> Submitted:
        """Do as ``execute``, which is what to await in what this answers.

        Where nothing but the mirror is needed the call is sent before this returns; so calls of one
        character that are handed in one after the other are carried out in that order, and need no
        task each. Raises ``InvalidWords``; all else is raised when it is awaited.
        """
        templates: dict[str, Facts] = {}
        if call.durable or not _PLAIN.issuperset([command.__class__ for command in commands]):
            self._check_words(commands)
            if call.durable or is_cold(commands) or given_ids(commands):
                return Submitted(None, lambda _: self.execute(char_id, commands, call, id_prefix=id_prefix))
            templates = self._templates(commands)
        prefix = id_prefix or self._id_prefixes.fresh()

        async def rest(reply: Any) -> Answer:  # noqa: ANN401 - as Redis has it
            if not isinstance(reply, Exception):
                with suppress(StaleCatalog):
                    answer = answer_of(reply, call)
                    return answer.body if isinstance(answer, Replied) else answer
            # The library is missing, or the catalog is old: nothing was done, and that mends both.
            elif not is_missing(reply):
                raise reply
            return await self.execute(char_id, commands, call, id_prefix=prefix)

        reply = self._sessions.submit(
            char_id,
            commands,
            call,
            catalog=self._items.version,
            templates=templates,
            id_prefix=prefix,
            at_ms=time.time_ns() // 1_000_000,
        )
        return Submitted(reply, rest)

    async def execute(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> Answer:
        """Do the commands in order, all or nothing; the reply's JSON body as it is to be sent.

        ``id_prefix``, 24 hex digits that no call used before, begins the ids of new items; it is
        random unless given.

        Raises ``SessionNotLive`` (load it and repeat), ``InvalidWords``, ``IdempotencyMismatch``,
        ``Conflict``, ``Backpressure``.
        """
        self._check_words(commands)
        id_prefix, at_ms = id_prefix or self._id_prefixes.fresh(), time.time_ns() // 1_000_000
        refusal, fresh = await self._given_ids.reserve(char_id, commands, id_prefix)
        try:
            answer = refusal or await self._execute(char_id, commands, call, id_prefix, at_ms)
        except (SessionNotLive, IdempotencyMismatch, Conflict, Backpressure):
            await self._given_ids.release(char_id, fresh, id_prefix)
            raise
        if not isinstance(answer, Replied):
            await self._given_ids.release(char_id, fresh, id_prefix)
            return answer
        await self._given_ids.release_unused(char_id, fresh, id_prefix, answer.body)
        if not call.durable:
            return answer.body
        try:
            durable = await self._is_durable(char_id, answer, call, at_ms)
        except PersistenceError as error:
            # It was done; only that PostgreSQL has it cannot be said.
            raise OutcomeUnknown(f"seq {answer.seq} was applied, but is not durable yet: {error}") from error
        if not durable:
            # Redis lost the session before it was flushed: what was applied may be gone with it.
            raise OutcomeUnknown(
                f"seq {answer.seq} was applied, but the session was lost before it was durable"
            )
        return _DURABLE_SEQ.sub(b'"durable_seq":%d' % answer.seq, answer.body, count=1)

    async def _is_durable(self, char_id: str, answer: Replied, call: Call, at_ms: int) -> bool:
        """Whether PostgreSQL has what was applied, after a flush."""
        incarnation, durable_seq = await self._flusher.flush_now(char_id)
        if incarnation == answer.incarnation and durable_seq >= answer.seq:
            return True
        # The session may have ended in the meantime, and another may have begun and been flushed: after an
        # eviction, or for another ruleset. Whether the call was lost before that, the ledger knows.
        return await self._store.has_entry(char_id, answer.seq, call, at_ms)

    async def preview(
        self, char_id: str, commands: Sequence[Command], call: Call
    ) -> Applied | tuple[Refusal, ...] | TagMismatch:
        """What the commands would do, or every rule that they break; nothing is changed or reserved.

        New items are shown under ids that they will not have. Raises ``SessionNotLive``,
        ``InvalidWords``.
        """
        self._check_words(commands)
        shown = await self._preview(char_id, commands, call)
        refused = await self._given_ids.taken(char_id, commands)
        if not refused or isinstance(shown, TagMismatch):
            return shown
        return (*refused, *(shown if isinstance(shown, tuple) else ()))

    async def _preview(
        self, char_id: str, commands: Sequence[Command], call: Call
    ) -> Applied | tuple[Refusal, ...] | TagMismatch:
        return await self._by_this_catalog(
            lambda: self._cold.preview(
                char_id,
                commands,
                call,
                catalog=self._items.version,
                templates=self._templates(commands),
            )
        )

    def check_actor(self, actor: Actor) -> None:
        """Raise ``InvalidWords`` for what the ruleset does not know of an actor."""
        errors = self._ruleset.actor_errors(
            class_=actor.class_, attributes=actor.attributes, states=actor.states
        )
        if errors:
            raise InvalidWords(errors)

    async def _execute(
        self, char_id: str, commands: Sequence[Command], call: Call, id_prefix: str, at_ms: int
    ) -> Replied | Refusal | TagMismatch:
        runner = self._cold if is_cold(commands) else self._sessions
        return await self._by_this_catalog(
            lambda: runner.execute(
                char_id,
                commands,
                call,
                catalog=self._items.version,
                templates=self._templates(commands),
                id_prefix=id_prefix,
                at_ms=at_ms,
            )
        )

    async def _by_this_catalog(self, judge: Callable[[], Awaitable[_T]]) -> _T:
        """What ``judge`` answers, asked once more when the session knows a newer catalog."""
        for _ in range(2):
            try:
                return await judge()
            except StaleCatalog:
                # Old facts must never overwrite newer ones, so ours are brought up to date first.
                await self._items.refresh()
        raise Unavailable("the item catalog is changing")

    def _templates(self, commands: Sequence[Command]) -> dict[str, Facts]:
        found: dict[str, Facts] = {}
        for command in commands:
            if isinstance(command, GrantRequest):
                facts = self._items.facts(command.template_id)
                if facts is not None:
                    found[command.template_id] = facts
        return found

    def _check_words(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, SetActorRequest):
                states = (*command.states.add, *command.states.remove)
                self.check_actor(Actor(0, command.class_ or "", command.attributes, states))
