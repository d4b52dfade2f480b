"""Sessions in Redis: what the functions of the mirror do, in Python's terms."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec

from engine.commands import Command
from engine.facts import Facts
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from engine.state import Actor, InventorySessionDTO
from persistence.errors import SessionNotLive
from persistence.keys import Keys
from persistence.link.redis_link import Argument
from persistence.operations import ring_parts
from persistence.records import Call, LiveSession, Operation, TagMismatch
from persistence.sessions.call_arguments import CallArguments
from persistence.sessions.call_reply import answer_of
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_fields import (
    actor_text,
    capacity_in,
    fields_of,
    session_of,
)
from persistence.sessions.session_state import Probe, Replied


class InventorySessionManager:
    """Reads and writes sessions; every change is one call of a function, so it is atomic."""

    def __init__(
        self,
        mirror: Mirror,
        ruleset: Ruleset,
        keys: Keys,
        *,
        flush_interval_ms: int,
        idle_evict_ms: int,
        unflushed_max_ms: int = 30_000,
    ) -> None:
        """Sessions under ``keys``, judged by ``ruleset``; times in milliseconds.

        A session whose oldest unflushed change is older than ``unflushed_max_ms`` takes no more.
        """
        self.mirror = mirror
        self.ruleset = ruleset
        self.keys = keys
        self._idle_evict_ms = idle_evict_ms
        self._arguments = CallArguments(
            ruleset, flush_interval_ms=flush_interval_ms, unflushed_max_ms=unflushed_max_ms
        )

    async def probe(self, char_id: str) -> Probe:
        """Where the session stands, and which node this is."""
        return Probe.of(await self.mirror.call("session_probe", self.keys.of(char_id), harmless=True))

    async def probes(self, char_ids: Sequence[str]) -> list[Probe]:
        """The same for many, in one round trip."""
        if not char_ids:
            return []
        commands = [self.mirror.command("session_probe", self.keys.of(char_id)) for char_id in char_ids]
        return list(map(Probe.of, await self.mirror.send(commands, harmless=True)))

    async def open(
        self,
        session: InventorySessionDTO,
        *,
        probe: Probe,
        epoch: int,
        incarnation: int,
        catalog: int,
        line: int | None = None,
        operations: Sequence[Operation] = (),
    ) -> tuple[str, Probe]:
        """Install what a load has read after ``probe``; the reply's first word, and where it stands then."""
        keys = self.keys.of(session.char_id)
        fields: Iterable[Argument] = chain.from_iterable(fields_of(self.ruleset, session).items())
        remembered = ring_parts(operations)
        opening = self.mirror.command(
            "session_open",
            keys,
            probe.node_gen,
            probe.now_ms,
            epoch,
            session.seq,
            incarnation,
            "" if line is None else line,
            catalog,
            self._idle_evict_ms,
            actor_text(self.ruleset, session.actor),
            len(remembered),
            *remembered,
            *fields,
        )
        commands = opening, self.mirror.command("session_probe", keys)
        reply, probed = await self.mirror.send(commands, harmless=True)
        return str(reply[0], "ascii"), Probe.of(probed)

    async def adopt(
        self, char_id: str, *, probe: Probe, epoch: int, seq: int, incarnation: int, line: int | None
    ) -> str:
        """Let the session go on under what a load has read after ``probe``; the reply's first word."""
        reply = await self.mirror.call(
            "session_adopt",
            self.keys.of(char_id),
            probe.node_gen,
            probe.now_ms,
            epoch,
            seq,
            incarnation,
            "" if line is None else line,
            self._idle_evict_ms,
            harmless=True,
        )
        return str(reply[0], "ascii")

    async def standing(self, char_id: str) -> Probe:
        """Where a live session stands; raises ``SessionNotLive``."""
        return self._playable(char_id, await self.probe(char_id))

    def _playable(self, char_id: str, probe: Probe) -> Probe:
        if not probe.on_this_node or probe.ruleset != f'"{self.ruleset.hash}"':
            raise SessionNotLive(char_id)
        return probe

    async def read(self, char_id: str) -> LiveSession:
        """The whole session, of one moment; raises ``SessionNotLive``."""
        keys = self.keys.of(char_id)
        probed, flat = await self.mirror.call_with(("HGETALL", keys.session), "session_probe", keys)
        probe = self._playable(char_id, Probe.of(probed))
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        session = session_of(char_id, fields)
        return LiveSession(
            session,
            capacity_in(self.ruleset, fields, session.actor),
            probe.epoch,
            probe.incarnation,
            probe.flushed_seq,
            probe.catalog,
        )

    async def read_actor(self, char_id: str) -> tuple[Probe, Actor | None]:
        """Where a session stands, and its actor then; None when there is no session."""
        keys = self.keys.of(char_id)
        probed, text = await self.mirror.call_with(("HGET", keys.session, "actor"), "session_probe", keys)
        return Probe.of(probed), None if text is None else msgspec.json.decode(text, type=Actor)

    async def execute(
        self,
        char_id: str,
        commands: Sequence[Command],
        call: Call,
        *,
        catalog: int,
        templates: Mapping[str, Facts],
        id_prefix: str,
        at_ms: int,
    ) -> Replied | Refusal | TagMismatch:
        """APPLY: judge and do the commands as one call.

        ``templates`` has facts for the grants among them; ``id_prefix`` is 24 fresh hex digits;
        ``at_ms`` is the caller's clock, for the journal. Raises ``SessionNotLive``,
        ``StaleCatalog``, ``IdempotencyMismatch``, ``Backpressure``, ``Unavailable``, ``OutcomeUnknown``.
        """
        arguments = self._arguments.of_execute(commands, call, catalog, templates, id_prefix, at_ms)
        return answer_of(await self.mirror.call("session_execute", self.keys.of(char_id), *arguments), call)

    def submit(
        self,
        char_id: str,
        commands: Sequence[Command],
        call: Call,
        *,
        catalog: int,
        templates: Mapping[str, Facts],
        id_prefix: str,
        at_ms: int,
    ) -> asyncio.Future[Any]:
        """Send what ``execute`` sends, without waiting; the result is the mirror's reply as it is.

        It may be an error, as ``Mirror.submit`` says; ``answer_of`` reads all others.
        """
        arguments = self._arguments.of_execute(commands, call, catalog, templates, id_prefix, at_ms)
        return self.mirror.submit("session_execute", self.keys.of(char_id), *arguments)

    async def commit(
        self,
        before: LiveSession,
        commands: Sequence[Command],
        call: Call,
        applied: Applied | None,
        *,
        catalog: int,
        at_ms: int,
    ) -> Replied | Refusal | TagMismatch | None:
        """Write what the engine has made of ``before``; None when the session has changed since.

        Without ``applied`` nothing is written, and None also says that the call had not been done
        before. Raises as ``execute``.
        """
        arguments = self._arguments.of_commit(before, commands, call, applied, catalog, at_ms)
        keys = self.keys.of(before.session.char_id)
        reply = await self.mirror.call("session_commit", keys, *arguments)
        return None if reply[0] in (b"CONFLICT", b"ADMITTED") else answer_of(reply, call)

    async def close(
        self,
        char_id: str,
        step: Literal["begin", "resume", "cancel", "quarantine"],
        *,
        epoch: int = 0,
        seq: int | None = None,
        lease_ms: int = 0,
    ) -> tuple[str, int, int]:
        """One step of EVICT: ("OK" | "ABSENT" | "CHANGED", epoch, seq); see the function's header."""
        reply = await self.mirror.call(
            "session_close",
            self.keys.of(char_id),
            step,
            epoch,
            "" if seq is None else seq,
            lease_ms,
            harmless=True,
        )
        if reply[0] == b"OK":
            return "OK", reply[1], reply[2]
        return str(reply[0], "ascii"), 0, 0

    async def discard(self, char_id: str, *, epoch: int, seq: int, dead_epoch: int) -> str:
        """Delete a quarantined session that is still at ``epoch`` and ``seq``: "OK", "ABSENT" or "CHANGED".

        No load that was begun under ``dead_epoch`` or before brings one from then on.
        """
        reply = await self.mirror.call(
            "session_close", self.keys.of(char_id), "discard", epoch, seq, 0, dead_epoch, harmless=True
        )
        return str(reply[0], "ascii")

    async def finish(self, char_id: str, *, epoch: int, seq: int) -> tuple[str, bool]:
        """The last step of EVICT: "OK", "ABSENT" or "CHANGED"; and whether the session was of this node.

        One that was not, had been opened on another, may lack calls that were acknowledged there.
        """
        reply = await self.mirror.call(
            "session_close", self.keys.of(char_id), "finish", epoch, seq, 0, harmless=True
        )
        return str(reply[0], "ascii"), reply[0] == b"OK" and reply[4] == 1
