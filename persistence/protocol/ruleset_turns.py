"""Two rulesets side by side, while a deployment rolls on: whose turn it is with a character.

A session is judged by one ruleset. A process of another one that gets a call for the character loads the
session anew under its own, and back it goes with the next call to the first process. Each of these turns
is whole: nothing of the session is left to flush when it ends, and what is derived from the rules is written
anew. So every call is judged by the rules of the process that received it, never by a mixture.

Two things would keep turns from coming about when both have calls for one character all the time:

* Between the flush and the load the other process would apply further calls, and a session that has
  changed is adopted as it is. So it is stopped first, as for an eviction, which leaves commands waiting.
* Who is stopped would load the session back at once, sooner than the other one is ready, since it has
  nothing to flush. So whoever knows of another ruleset waits for the end of a turn before it begins its own.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from engine.ruleset import Ruleset
from persistence.errors import PersistenceError
from persistence.protocol.flusher import LEASE_MS
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import CLOSING, Probe

# For so long the other process has not been met before it is taken to be gone.
MET_S: Final = 60.0
# A flush and a load take some ten milliseconds; so often is looked whether they are over. Whoever has not
# ended when a lease would have run out is taken to have died.
LOOK_S: Final = 0.005
PATIENCE_S: Final = LEASE_MS / 1000
# A session that is stopped twice within this time is wanted by somebody.
INSISTING_S: Final = 1.0
_STOPPED_MAX: Final = 256
# So long the other one has the session at least, for the calls that it was loaded for.
HELD_S: Final = 0.01


class RulesetTurns:
    """Takes turns with processes of other rulesets; costs nothing as long as there are none."""

    def __init__(
        self,
        sessions: InventorySessionManager,
        ruleset: Ruleset,
        flush: Callable[[str], Awaitable[object]],
    ) -> None:
        """``flush`` brings one character's changes to PostgreSQL."""
        self._sessions = sessions
        self._own = f'"{ruleset.hash}"'
        self._flush = flush
        self._met_until = 0.0
        self._stopped: dict[str, float] = {}

    def of_another(self, probe: Probe) -> bool:
        """Whether a session that is live here is under another ruleset; that there is one is remembered."""
        if not probe.on_this_node or probe.ruleset == self._own:
            return False
        self._met_until = asyncio.get_running_loop().time() + MET_S
        return True

    def concern(self, char_id: str, probe: Probe) -> bool:
        """Whether a session is another ruleset's, or is being stopped while there is another one."""
        return self.of_another(probe) or (probe.status == CLOSING and (self._met or self._insists(char_id)))

    def _insists(self, char_id: str) -> bool:
        """Whether a session is stopped again right after it was loaded back: no eviction does that.

        Who has not met the other ruleset yet, since it was always quicker, learns of it by this.
        """
        now = asyncio.get_running_loop().time()
        before = self._stopped.get(char_id)
        if len(self._stopped) >= _STOPPED_MAX:
            self._stopped.clear()
        self._stopped[char_id] = now
        if before is None or now - before > INSISTING_S:
            return False
        self._met_until = now + MET_S
        return True

    @property
    def _met(self) -> bool:
        """Whether a session of another ruleset was seen in the last minute."""
        return self._met_until > 0 and asyncio.get_running_loop().time() < self._met_until

    async def wait(self, char_id: str, probe: Probe) -> Probe:
        """Where the session stands when the process that has stopped it is done, or has had time enough."""
        loop = asyncio.get_running_loop()
        patience_ends = loop.time() + PATIENCE_S
        while probe.status == CLOSING and loop.time() < patience_ends:
            await _pause(LOOK_S)
            probe = await self._sessions.probe(char_id)
        if probe.on_this_node and probe.ruleset != self._own:
            await _pause(HELD_S)
        return probe

    @asynccontextmanager
    async def turn(self, char_id: str) -> AsyncIterator[None]:
        """Stops a session and flushes it; in the block it can be written anew. Raises as a flush.

        Where the block fails, the session lives on as it was. Where this process dies, the lease on
        the stopped session runs out, and a flusher ends it.
        """
        answer, epoch, _ = await self._sessions.close(char_id, "begin", lease_ms=LEASE_MS)
        try:
            await self._flush(char_id)
            yield
        except PersistenceError:
            if answer == "OK":
                with suppress(PersistenceError):
                    await self._sessions.close(char_id, "cancel", epoch=epoch, lease_ms=LEASE_MS)
            raise


async def _pause(least_s: float) -> None:
    # Of uneven length, so that processes do not go on in step.
    await asyncio.sleep(random.uniform(least_s, 2 * least_s))  # noqa: S311 - no secret
