"""No item is usable in two sessions, nor in one while PostgreSQL says that it is another's.

What PostgreSQL has is one owner's by its key, so a session's items are looked up there. What two
sessions hold and neither has flushed is not there yet; such items are remembered from session to
session. They are few, because a session cannot keep its changes for long.
"""

import re

from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.audit.live import Live, Sessions, live_of
from persistence.audit.stored import Stored
from persistence.postgres.database import Connection
from persistence.postgres.named_sql import query

_ID = re.compile(r"[0-9a-f]{32}")
_TRIES = 20


class Ownership:
    """Looks over the sessions of an audit, batch by batch."""

    def __init__(self, sessions: Sessions) -> None:
        """``sessions`` are read again where two of them seem to hold one item."""
        self._sessions = sessions
        self._holders: dict[bytes, str] = {}
        self._asked: dict[str, str] = {}
        self._twice: set[tuple[str, str, str]] = set()

    def take(self, stored: Stored, live: Live) -> None:
        """One more session of a batch."""
        char_id = live.kept.char_id
        for item_id in usable(live) - stored.items.keys():
            if _ID.fullmatch(item_id):
                self._asked[item_id] = char_id
                holder = self._holders.setdefault(bytes.fromhex(item_id), char_id)
                if holder != char_id:
                    self._twice.add((item_id, char_id, holder))

    async def ask(self, connection: Connection) -> list[Violation]:
        """Suspicions about the batch's sessions, with PostgreSQL as it is in the batch's snapshot."""
        asked, self._asked = self._asked, {}
        found = []
        for row in await connection.fetch(query("audit_owners"), list(asked)) if asked else ():
            item_id, owner = row["item_id"].hex, row["owner"]
            holder = asked[item_id]
            if owner != holder:
                text = f"its session holds item {item_id}, and PostgreSQL says that it is {owner}'s"
                found.append(Violation(findings.OWNERSHIP, holder, text))
        return found

    async def end(self) -> list[Violation]:
        """Items that two sessions hold and still do when both are read once more."""
        found = []
        for item_id, one, other in sorted(self._twice):
            if await self._both_hold(item_id, one, other):
                text = f"its session holds item {item_id}, and so does that of {other}"
                found.append(Violation(findings.OWNERSHIP, one, text))
        return found

    async def _both_hold(self, item_id: str, one: str, other: str) -> bool:
        # The first is read once more after the second: what has not moved in between held all the while.
        for _ in range(_TRIES):
            kept = await self._sessions.read([one, other])
            again = await self._sessions.read([one])
            lives = [live_of(entry) for entry in (*kept.values(), *again.values())]
            held = [live for live in lives if isinstance(live, Live) and item_id in usable(live)]
            if len(held) < 3:
                return False
            if held[0].stands == held[2].stands:
                break
        return True


def usable(live: Live) -> set[str]:
    """The items that a session could let somebody use; not held ones, nor those of a quarantined session."""
    if live.is_quarantined:
        return set()
    return {item_id for item_id, item in live.session.items.items() if not item.held}
