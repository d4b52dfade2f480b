"""Commands that run in the engine: previews, and what the mirror has no rule for.

A call with such a command is judged here, on the session as it was read, and committed by a
function that compares where the session stands and writes the difference.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from engine.commands import Command, SortRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied
from engine.refusals import Refusal
from persistence.errors import Conflict, SessionNotLive
from persistence.records import Call, LiveSession, TagMismatch
from persistence.sessions.call_reply import StaleCatalog
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import Replied

# So many overtakings in a row by other calls take a character that is never still.
ATTEMPTS: Final = 5


def is_cold(commands: Sequence[Command]) -> bool:
    """Whether a call has a command that only the engine knows."""
    return any(isinstance(command, SortRequest) for command in commands)


class ColdCommands:
    """Calls judged by the engine."""

    def __init__(self, sessions: InventorySessionManager) -> None:
        """Read from ``sessions``, and commit there."""
        self._sessions = sessions
        self._engine = InventoryEngine(sessions.ruleset)

    async def preview(
        self,
        char_id: str,
        commands: Sequence[Command],
        call: Call,
        *,
        catalog: int,
        templates: Mapping[str, Facts],
    ) -> Applied | tuple[Refusal, ...] | TagMismatch:
        """What the commands would do, or every rule that they break.

        Raises ``SessionNotLive``, ``StaleCatalog``.
        """
        live = await self._read(char_id, catalog)
        if call.if_match not in ("", live.tag):
            return TagMismatch(live.tag)
        return self._engine.preview(live.session, commands, templates=templates)

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
        """As ``InventorySessionManager.execute``; raises ``Conflict`` when others were always faster."""
        for _ in range(ATTEMPTS):
            live = await self._read(char_id, catalog)
            outcome = self._engine.apply_batch(
                live.session, commands, templates=templates, id_prefix=id_prefix
            )
            applied = outcome if isinstance(outcome, Applied) else None
            if isinstance(outcome, Refusal) and not (call.op_id or call.if_match):
                return outcome
            answer = await self._sessions.commit(live, commands, call, applied, catalog=catalog, at_ms=at_ms)
            if answer is not None:
                return answer
            if isinstance(outcome, Refusal):
                return outcome
        raise Conflict(char_id)

    async def _read(self, char_id: str, catalog: int) -> LiveSession:
        """The session, if it is judged by the caller's catalog, as the mirror has it too."""
        live = await self._sessions.read(char_id)
        if live.catalog < catalog:
            raise SessionNotLive("catalog")
        if live.catalog > catalog:
            raise StaleCatalog
        return live
