"""What a call hands over to the functions that carry it out, in the order of their headers."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from engine.commands import Command
from engine.facts import Facts
from engine.outcome import Applied
from engine.ruleset import Ruleset
from persistence.link.redis_link import Argument
from persistence.records import Call, LiveSession
from persistence.sessions.replies import ReplyParts, reply_parts
from persistence.sessions.session_fields import changed_fields, facts_text

_encode = msgspec.json.Encoder().encode


class CallArguments:
    """Makes the arguments of ``session_execute`` and ``session_commit``."""

    def __init__(self, ruleset: Ruleset, *, flush_interval_ms: int, unflushed_max_ms: int) -> None:
        """Times as ``InventorySessionManager`` has them."""
        self._ruleset = ruleset
        self._times = flush_interval_ms, unflushed_max_ms

    def of_execute(
        self,
        commands: Sequence[Command],
        call: Call,
        catalog: int,
        templates: Mapping[str, Facts],
        id_prefix: str,
        at_ms: int,
    ) -> tuple[Argument, ...]:
        """For commands that the mirror judges."""
        text = _encode(commands)
        facts = [part for name, known in templates.items() for part in (name, facts_text(known))]
        return (*self._terms(text, call, catalog, at_ms), id_prefix, text, *facts)

    def of_commit(
        self,
        before: LiveSession,
        commands: Sequence[Command],
        call: Call,
        applied: Applied | None,
        catalog: int,
        at_ms: int,
    ) -> tuple[Argument, ...]:
        """For commands that the engine judges: ``applied`` is what came of them, None before it is known."""
        text = _encode(commands)
        parts, fields = ReplyParts(b"", b"", b""), []
        if applied is not None:
            parts = reply_parts(applied)
            fields = changed_fields(self._ruleset, before.session, applied.session)
        told = parts.changes, parts.told, parts.capacity
        return (*self._terms(text, call, catalog, at_ms), before.tag, text, *told, *fields)

    def _terms(self, commands: bytes, call: Call, catalog: int, at_ms: int) -> tuple[Argument, ...]:
        """The arguments that every call begins with."""
        origin = _encode({"at": at_ms, "by": call.by, "request_id": call.request_id, "op_id": call.op_id})
        payload_hash = hashlib.sha1(commands, usedforsecurity=False).hexdigest() if call.op_id else ""
        return (catalog, origin[1:-1], call.op_id, payload_hash, call.if_match, *self._times)
