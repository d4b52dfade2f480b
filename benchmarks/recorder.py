"""What a call sends to Redis, written down instead of sent."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import cast

from benchmarks.moves import Move
from engine import commands
from engine.facts import Facts
from engine.ruleset import Ruleset
from lua.library import Library
from persistence.keys import Keys
from persistence.link.redis_link import Argument, RedisLink
from persistence.records import Call
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager

Command = tuple[Argument, ...]
_CALL = Call(by="service")
DAY_MS = 24 * 3600 * 1000


class Recorder:
    """Makes commands as the gateway makes them: by the session manager, over a link that only listens."""

    def __init__(self, ruleset: Ruleset, key_prefix: str, catalog: int) -> None:
        """``catalog`` is the version that the sessions were loaded with."""
        self._link = _Listening()
        self._catalog = catalog
        self._sessions = InventorySessionManager(
            Mirror(cast(RedisLink, self._link), Library(ruleset)),
            ruleset,
            Keys(key_prefix),
            flush_interval_ms=100,
            idle_evict_ms=900_000,
            # Nothing of it is ever flushed.
            unflushed_max_ms=DAY_MS,
        )

    async def command(self, move: Move) -> Command:
        """The call of the function that does the move."""
        return await self.call(move.char_id, move.command, {}, secrets.token_hex(12))

    async def call(
        self, char_id: str, command: commands.Command, templates: Mapping[str, Facts], id_prefix: str
    ) -> Command:
        """The call of the function that does any command; the last two as the session manager has them."""
        await self._sessions.execute(
            char_id,
            (command,),
            _CALL,
            catalog=self._catalog,
            templates=templates,
            id_prefix=id_prefix,
            at_ms=time.time_ns() // 1_000_000,
        )
        return self._link.heard


class _Listening:
    """A link to nobody, which answers everything with a reply that says OK."""

    def __init__(self) -> None:
        self.heard: Command = ()

    async def send(self, commands: Sequence[Command], *, harmless: bool = False) -> list[object]:
        (self.heard,) = commands
        return [[b"OK", b"{}", 1, 0]]
