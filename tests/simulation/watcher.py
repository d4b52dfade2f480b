"""Sees every message that arrives, and checks at once what must hold after each (docs/protocol.md).

What it finds wrong is a ``Violation``; the schedule ends there. It also counts which answers each
function has given, and writes the trace of a schedule that is replayed.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from lua.library import Library
from persistence.link.redis_link import Argument
from persistence.records import FlushWork
from tests.simulation.catalog import Catalog
from tests.simulation.loop import Loop
from tests.simulation.postgres_model import PostgresModel
from tests.simulation.processes import KEYS, Settings
from tests.simulation.redis_model import RedisModel
from tests.simulation.session_checks import SessionChecks, Violation
from tests.simulation.telling import named, said, short

_REQUEST = re.compile(rb'"request_id":"([^"]*)"')


class Watcher:
    """Between the network and the servers."""

    def __init__(
        self,
        loop: Loop,
        redis: RedisModel,
        postgres: PostgresModel,
        library: Library,
        settings: Settings,
        catalog: Catalog,
    ) -> None:
        self.loop, self.redis, self.postgres = loop, redis, postgres
        self.answers: Counter[tuple[str, str]] = Counter()
        self.trace: Callable[[str], None] | None = None
        self.sessions = SessionChecks(redis, postgres, settings, catalog)
        # Requests whose entries the destruction of Redis's data has taken away.
        self.destroyed: set[str] = set()
        self.set_aside: dict[str, set[str]] = {}
        self.forgotten: set[str] = set()
        self._names = {library.function(name): name for name in library.contracts}
        self._keys = {name: contract.keys for name, contract in library.contracts.items()}
        self._watch_writes()

    # Redis

    def execute(self, commands: Sequence[Sequence[Argument]], note: str) -> list[Any]:
        """Have commands executed, and look at what each has done."""
        if commands[0][0] == "MULTI":
            replies = [self._one(command, note) for command in commands[1:-1]]
            return [b"OK", *(b"QUEUED" for _ in replies), replies]
        return [self._one(command, note) for command in commands]

    def _one(self, command: Sequence[Argument], note: str) -> Any:
        if command[0] != "FCALL":
            reply = self.redis.serve(command)
            if self.trace and command[0] != "FUNCTION":
                self.say(f"redis {' '.join(map(str, command))[:90]} -> {short(reply)} {note}")
            return reply
        name = self._names[str(command[1])]
        if name == "session_settle":
            return self._settle(command, note)
        keys = self._keys[name]
        char_id = str(command[3]).rpartition(":")[2] if "session" in keys else ""
        # A probe cannot write, the server sees to that.
        looked_at = char_id if name != "session_probe" else ""
        standing = self.redis.standing(KEYS.of(char_id), char_id) if looked_at else ()
        old_journal = self.journal(char_id) if name == "session_open" else []
        reply = self.redis.serve(command)
        if isinstance(reply, Exception):
            self.say(f"redis {name} {char_id[-2:]} -> {reply} {note}")
            return reply
        word, args = _word(name, reply), command[3 + len(keys) :]
        self.answers[name, word] += 1
        if self.trace:
            self.say(f"redis {name} {char_id[-2:]} {said(name, args)} -> {short(reply)} {note}")
        if looked_at:
            self.sessions.after(name, word, char_id, args, standing)
        if name == "session_open" and word == "REPLACED":
            self._replaced(char_id, {request for request, _ in old_journal})
        if name == "work_claim":
            self.sessions.claimed(reply)
        return reply

    def _settle(self, command: Sequence[Argument], note: str) -> Any:
        """Many sessions in one call: each is looked at for itself."""
        count = int(command[2])
        keys, args = command[3 : 3 + count], command[5 + count :]
        char_ids = [str(key).rpartition(":")[2] for key in keys[1::2]]
        before = [self.redis.standing(KEYS.of(char_id), char_id) for char_id in char_ids]
        reply = self.redis.serve(command)
        if isinstance(reply, Exception):
            self.say(f"redis session_settle of {len(char_ids)} -> {reply} {note}")
            return reply
        for index, (char_id, standing) in enumerate(zip(char_ids, before, strict=True)):
            seqs, terms = reply[2 * index : 2 * index + 2], args[2 * index : 2 * index + 2]
            word = "nothing" if seqs == [-1, -1] else "seqs"
            self.answers["session_settle", word] += 1
            if self.trace:
                told = said("session_settle", terms)
                self.say(f"redis session_settle {char_id[-2:]} {told} -> {short(seqs)} {note}")
            # Of where a session stands the first is what the whole server has written, for others perhaps.
            if self.redis.standing(KEYS.of(char_id), char_id)[1:] != standing[1:]:
                self.sessions.after("session_settle", word, char_id, terms, standing)
        return reply

    def _replaced(self, char_id: str, gone: set[str]) -> None:
        """The journal of a session that was replaced is kept as an incident."""
        kept = self._aside_of(char_id)
        if not gone <= kept:
            raise Violation(f"{char_id}: {gone - kept} were not set aside when the session was replaced")
        self.set_aside.setdefault(char_id, set()).update(gone)

    def journal(self, char_id: str) -> list[tuple[str, bytes]]:
        """Request id and text of the entries in Redis."""
        texts = self.redis.serve(("LRANGE", KEYS.of(char_id).journal, 0, -1))
        return [(_request_of(text), text) for text in texts]

    def disaster(self, what: str, act: Callable[[], object]) -> None:
        """Something that may destroy data in Redis; what it takes away is noted."""
        before, aside = self._unflushed(), self._aside()
        act()
        self.redis.now_us = int(self.loop.now * 1_000_000)
        gone = before - self._unflushed()
        self.forgotten |= aside - self._aside()
        self.destroyed |= gone
        self.sessions.forget()
        self.say(f"*** {what}; gone with it: {sorted(gone) or 'nothing'}")

    def _aside(self) -> set[str]:
        return {request for char_id in self.postgres.characters for request in self._aside_of(char_id)}

    def _aside_of(self, char_id: str) -> set[str]:
        """Requests whose entries are kept as incidents in Redis."""
        return set(map(_request_of, self.redis.serve(("LRANGE", KEYS.of(char_id).incident, 0, -1))))

    def _unflushed(self) -> set[str]:
        return {request for char_id in self.postgres.characters for request, _ in self.journal(char_id)}

    # PostgreSQL

    def _watch_writes(self) -> None:
        self.durable: dict[str, set[str]] = {}
        self._operations: dict[tuple[str, str], int] = {}
        real = self.postgres.write

        def write(work: FlushWork) -> None:
            row = self.postgres.characters[work.char_id]
            requests = self.durable.setdefault(work.char_id, set())
            if self.trace:
                self.say(
                    f"postgres {work.char_id[-2:]} takes {work.base_seq + 1}..{work.last_seq} under"
                    f" epoch {work.epoch}, incarnation {work.incarnation}"
                )
            for entry in work.entries:
                requests.add(entry.request_id)
                first = self._operations.setdefault((work.char_id, entry.op_id), entry.seq)
                if entry.op_id and first != entry.seq:
                    raise Violation(f"{work.char_id}: operation {entry.op_id} is in the ledger twice")
            if row.epoch != work.epoch:
                raise Violation(
                    f"{work.char_id}: written under epoch {work.epoch}, PostgreSQL is at {row.epoch}"
                )
            if row.seq != work.base_seq or len(self.postgres.journal[work.char_id]) != row.seq:
                raise Violation(f"{work.char_id}: the ledger would not be contiguous at {work.base_seq}")
            real(work)

        self.postgres.write = write  # type: ignore[method-assign]

    def committed(self, name: str, note: str) -> None:
        if self.trace:
            heads = [
                f"{row.char_id[-2:]}:{row.epoch}/{row.incarnation}.{row.seq}{'' if row.open else ' closed'}"
                for row in self.postgres.characters.values()
            ]
            self.say(f"postgres {name} committed: {' '.join(heads)} {note}")

    def lost(self, where: str, fate: str, what: object) -> None:
        if self.trace:
            if not isinstance(what, str):
                what = [named(command) for command in what]  # type: ignore[attr-defined]
            self.say(f"{where} {fate}: {what}")

    def violation(self, text: str) -> Violation:
        """For those who find one elsewhere."""
        return Violation(text)

    def say(self, text: str) -> None:
        if self.trace:
            self.trace(f"{self.loop.now * 1000:10.1f} ms  {text}")


def _word(name: str, reply: Any) -> str:
    if name in ("session_probe", "work_claim"):
        return "answer"
    return str(reply[0], "ascii")


def _request_of(text: bytes) -> str:
    found = _REQUEST.search(text)
    assert found is not None
    return found[1].decode()
