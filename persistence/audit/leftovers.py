"""What is left in Redis of what is gone: keys and turns without a session, sessions without a character."""

import re
from collections.abc import AsyncIterator, Sequence

from persistence.audit import findings
from persistence.audit.findings import Note, Report, Violation
from persistence.audit.live import Sessions
from persistence.keys import SessionKeys
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARTS = ("journal", "done")


class Leftovers:
    """Walks over the keys of a deployment, page by page; what is found is looked at once more, by itself."""

    def __init__(self, sessions: Sessions, database: Database, report: Report) -> None:
        """Add to ``report`` what is found."""
        self._sessions = sessions
        self._database = database
        self._report = report

    async def look(self) -> None:
        """Look at all keys and all queues."""
        prefix = self._sessions.keys.prefix
        async for page in self._sessions.keys_like(f"{prefix}*"):
            by_kind: dict[str, list[str]] = {}
            for name in {key.decode("utf-8", "replace") for key in page}:
                kind = name[len(prefix) :].partition(":")[0]
                by_kind.setdefault(kind, []).append(name)
            await self._look_at_sessions(sorted(by_kind.get("session", ())))
            for kind in _PARTS:
                await self._look_at_parts(kind, sorted(by_kind.get(kind, ())))
            await self._look_at_incidents(sorted(by_kind.get("incident", ())))
        for due in self._sessions.keys.due_queues():
            async for members in self._sessions.queued(due):
                # As a key's part, what cannot be read would be another one.
                for member in {member for member in members if not member.isascii()}:
                    self._tell("", f"{due} has a turn of {member!r}, which is no character")
                await self._look_at_members(due, sorted({m.decode() for m in members if m.isascii()}))

    async def _look_at_sessions(self, names: Sequence[str]) -> None:
        self._report.looked_at[findings.LEFTOVERS] += len(names)
        by_id = {char_id: name async for char_id, name in self._spelled("session", names)}
        existing = await self._existing(list(by_id))
        for char_id in by_id.keys() - existing:
            # A character that was erased takes its session along.
            if await self._are([by_id[char_id]]) == [True] and not await self._existing([char_id]):
                self._tell(char_id, "it has a session, and PostgreSQL has no such character")

    async def _look_at_parts(self, kind: str, names: Sequence[str]) -> None:
        self._report.looked_at[findings.LEFTOVERS] += len(names)
        by_id = {char_id: name async for char_id, name in self._spelled(kind, names)}
        there = await self._are([self._of(char_id).session for char_id in by_id])
        for (char_id, name), has_session in zip(by_id.items(), there, strict=True):
            if not has_session and await self._at_once(("EXISTS", name), char_id):
                what = "a journal" if kind == "journal" else "operations"
                self._tell(char_id, f"Redis has {what} of it and no session")

    async def _look_at_members(self, due: str, members: Sequence[str]) -> None:
        self._report.looked_at[findings.LEFTOVERS] += len(members)
        there = await self._are([self._of(member).session for member in members])
        for member, has_session in zip(members, there, strict=True):
            if self._of(member).due != due:
                self._tell(member, f"it has a turn in {due}, which is not its queue")
            elif not has_session and await self._at_once(("ZSCORE", due, member), member):
                self._tell(member, "it has a turn in its due queue, and no session")

    async def _look_at_incidents(self, names: Sequence[str]) -> None:
        async for char_id, name in self._spelled("incident", names):
            (kind,) = await self._sessions.send([("TYPE", name)])
            if kind not in (b"list", b"none"):
                self._tell(char_id, f"what waits of a replaced session is no list of entries: {name}")
                continue
            (entries,) = await self._sessions.send([("LLEN", name)])
            text = f"{entries} journal entries of a session that was replaced wait in Redis"
            self._report.note([Note("incident", char_id, text)])

    async def _spelled(self, kind: str, names: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
        """The characters whose keys these are; a key that nobody would look under is told."""
        for name in names:
            char_id = name.rpartition(":")[2]
            if _ID.fullmatch(char_id) and getattr(self._of(char_id), kind) == name:
                yield char_id, name
            else:
                self._tell("", f"{name} is no key of any character, as keys are spelled")

    async def _are(self, names: Sequence[str]) -> list[bool]:
        return [bool(n) for n in await self._sessions.send([("EXISTS", name) for name in names])]

    async def _at_once(self, first: tuple[str, ...], char_id: str) -> bool:
        """Whether ``first`` answers something while there is no session."""
        replies = await self._sessions.send(
            [("MULTI",), first, ("EXISTS", self._of(char_id).session), ("EXEC",)]
        )
        part, session = replies[3]
        return part not in (None, 0) and not session

    async def _existing(self, char_ids: Sequence[str]) -> set[str]:
        if not char_ids:
            return set()
        async with self._database.connection() as connection:
            return {row["char_id"] for row in await connection.fetch(query("existing"), char_ids)}

    def _of(self, char_id: str) -> SessionKeys:
        return self._sessions.keys.of(char_id)

    def _tell(self, char_id: str, text: str) -> None:
        self._report.add([Violation(findings.LEFTOVERS, char_id, text)])
