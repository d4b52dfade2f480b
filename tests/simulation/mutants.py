"""Guards of the protocol, each taken away in turn: the simulation has to miss every one of them.

A mutant is another text for a part of a Lua file, or another behaviour of a Python object while
it lasts. ``profile`` is where its absence shows soonest.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from msgspec import Struct

from lua.library import shipped_sources
from persistence.protocol import write_behind
from persistence.sessions import session_manager
from tests.simulation.postgres_model import PostgresModel


class Mutant(Struct, frozen=True):
    """One guard less."""

    name: str
    profile: str
    file: str = ""
    old: str = ""
    new: str = ""
    patched: Callable[[], AbstractContextManager[object]] = nullcontext
    # Among so many schedules there is one that shows it, and room to spare; ``hint`` is the seed that did
    # when this was written, and is tried first.
    schedules: int = 2000
    hint: int = 0

    def changed(self) -> dict[str, str]:
        """The texts of Lua files that differ; raises where the guard is not to be found."""
        if not self.file:
            return {}
        text = shipped_sources()[self.file]
        if text.count(self.old) != 1:
            raise AssertionError(
                f"{self.name}: {self.file}.lua has {self.old!r} {text.count(self.old)} times"
            )
        return {self.file: text.replace(self.old, self.new)}


@contextmanager
def _attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


async def _write_whole(self: Any, batch: Any, failures: Any) -> Any:
    return await self._store.flush(list(batch.values())) if batch else {}


MUTANTS = (
    Mutant(
        "a load overwrites what is newer",
        "restarts",
        "session_open",
        "if adoption.is_behind(own, load) then",
        "if true then",
    ),
    Mutant(
        "a load of an older epoch counts",
        "zombies",
        "session_open",
        "if epoch <= own.epoch then",
        "if false then",
    ),
    Mutant(
        "an old state is adopted",
        "tails",
        "session_open",
        "if adoption.is_behind(own, load) then",
        "if false then",
        hint=36,
    ),
    Mutant(
        "no fence",
        "zombies",
        "session_open",
        "if epoch <= tonumber(redis.call('GET', fence) or 0) then",
        "if false then",
        hint=21,
    ),
    Mutant(
        "a close leaves no fence",
        "zombies",
        "session_close",
        "  raise_fence(fence, math.max(own_epoch, tonumber(dead_epoch or 0)))\n",
        "",
        hint=21,
    ),
    Mutant(
        "a settle of another epoch counts",
        "ghosts",
        "session_settle",
        "if tonumber(epoch) ~= tonumber(head[4]) or",
        "if",
        schedules=12000,
        hint=8033,
    ),
    Mutant(
        "two nodes' sessions are not told apart",
        "ghosts",
        "adoption",
        "or load.seq > own.flushed_seq and load.line ~= ''",
        "or false and load.line ~= ''",
        schedules=6000,
        hint=1265,
    ),
    Mutant(
        "a session that came back is closed as if it were whole",
        "failovers",
        "session_close",
        "of_this_node and 1 or 0",
        "1",
        hint=550,
    ),
    Mutant(
        "what was settled is settled again",
        "tails",
        "session_settle",
        "or settled <= flushed or settled > seq then",
        "or settled > seq then",
        hint=99,
    ),
    Mutant(
        "settled beyond the session",
        "tails",
        "session_settle",
        "or settled <= flushed or settled > seq then",
        "or settled <= flushed then",
        hint=52,
    ),
    Mutant(
        "a close ends a session that is live again",
        "closes",
        "session_close",
        "if status ~= ending or tonumber(epoch) ~= own_epoch then",
        "if tonumber(epoch) ~= own_epoch then",
        hint=896,
    ),
    Mutant(
        "a close ends a session of another epoch",
        "zombies",
        "session_close",
        "if status ~= ending or tonumber(epoch) ~= own_epoch then",
        "if status ~= ending then",
        hint=105,
    ),
    Mutant(
        "a close ends a session of another seq",
        "hasty",
        "session_close",
        "if tonumber(seq) ~= own_seq then",
        "if false then",
        schedules=4000,
        hint=160,
    ),
    Mutant(
        "an idle close takes what is played",
        "zombies",
        "session_close",
        "if tonumber(seq) ~= own_seq or turn_ms > node.now_ms() + lease_ms then",
        "if false then",
    ),
    Mutant(
        "a call does not ask for the node",
        "tails",
        "call",
        "elseif head[GEN] ~= node.gen_text(now_ms) then",
        "elseif false then",
    ),
    Mutant(
        "a call does not ask for the status",
        "zombies",
        "call",
        "if head[STATUS] ~= '\"LIVE\"' then",
        "if not head[STATUS] then",
    ),
    Mutant(
        "a snapshot of another node",
        "failovers",
        "node",
        "return gen ~= node.gen(now_ms) or now_ms",
        "return now_ms",
    ),
    Mutant(
        "a snapshot of long ago",
        "late",
        "node",
        "local SNAPSHOT_AGE_MAX_MS = 30000",
        "local SNAPSHOT_AGE_MAX_MS = 1e15",
        hint=119,
    ),
    Mutant("a gen is kept for ever", "failovers", "node", "now_ms - kept_at_ms >= 100", "false"),
    Mutant(
        "operations are done again",
        "messages",
        "call",
        "if op_id ~= '' then\n    local stored",
        "if false then\n    local stored",
    ),
    Mutant(
        "operations are not brought back",
        "closes",
        patched=lambda: _attribute(session_manager, "ring_parts", lambda _: []),
    ),
    Mutant(
        "operations are not kept in PostgreSQL",
        "evictions",
        patched=lambda: _attribute(PostgresModel, "operations_of", lambda *_: []),
    ),
    Mutant(
        "a node that came back keeps its incarnation",
        "tails",
        "adoption",
        "redis.call('HSET', session, 'incarnation', load.incarnation)",
        "",
    ),
    Mutant(
        "dirty and not due",
        "messages",
        "call",
        "redis.call('ZADD', due, now_ms + flush_interval_ms, view.char_id(session))",
        "",
    ),
    Mutant(
        "a claim without a lease",
        "messages",
        "work_claim",
        "now_ms + lease_ms, members[index]",
        "now_ms, members[index]",
    ),
    Mutant(
        "a close is not cancelled",
        "outage",
        "session_close",
        "    redis.call('HSET', session, 'status', '\"LIVE\"')\n",
        "",
    ),
    Mutant(
        "a close is not resumed",
        "zombies",
        "session_close",
        "if status == '\"QUARANTINED\"' or step == 'resume' and status ~= '\"CLOSING\"' then",
        "if status ~= '\"LIVE\"' then",
        hint=28,
    ),
    Mutant(
        "a close is resumed that was taken back",
        "zombies",
        "session_close",
        "or step == 'resume' and status ~= '\"CLOSING\"' then",
        "then",
        hint=121,
    ),
    Mutant(
        "the journal of a replaced session is thrown away",
        "tails",
        "session_open",
        "    set_aside(journal, incident)\n",
        "    redis.call('DEL', journal)\n",
        hint=36,
    ),
    Mutant(
        "adoption does not trim",
        "tails",
        "adoption",
        "redis.call('LTRIM', journal, flushed - own.flushed_seq, -1)",
        "",
    ),
    Mutant(
        "an old state goes on under a new epoch",
        "tails",
        "session_adopt",
        "if adoption.is_behind(own, load) then",
        "if false then",
        hint=52,
    ),
    Mutant(
        "an adoption under an older epoch",
        "zombies",
        "session_adopt",
        "elseif tonumber(epoch) <= own.epoch then",
        "elseif false then",
        hint=291,
    ),
    Mutant(
        "a commit over another state",
        "catalogs",
        "session_commit",
        "elseif tag ~= call.tag(head) then",
        "elseif false then",
        hint=321,
    ),
    Mutant(
        "an expected tag does not count",
        "rivals",
        "call",
        "if if_match ~= '' and if_match",
        "if false and if_match",
    ),
    Mutant(
        "older facts over newer ones",
        "catalogs",
        "call",
        "elseif head[CATALOG] ~= catalog then",
        "elseif false then",
    ),
    Mutant(
        "no back-pressure",
        "outage",
        "call",
        "if unflushed_ms > tonumber(unflushed_max_ms) then",
        "if false then",
        hint=33,
    ),
    Mutant(
        "PostgreSQL does not ask for the epoch",
        "messages",
        patched=lambda: _attribute(PostgresModel, "guard", lambda _, row, work: row.seq == work.base_seq),
        hint=28,
    ),
    Mutant(
        "PostgreSQL does not ask for the seq",
        "zombies",
        patched=lambda: _attribute(PostgresModel, "guard", lambda _, row, work: row.epoch == work.epoch),
    ),
    Mutant(
        "what was written before is not seen",
        "zombies",
        patched=lambda: _attribute(write_behind, "_has", lambda result, _: result.status == "flushed"),
        hint=26,
    ),
    Mutant(
        "a refused row holds up the others",
        "poison",
        patched=lambda: _attribute(write_behind.WriteBehind, "write", _write_whole),
    ),
    Mutant(
        "an incarnation is not raised",
        "failovers",
        patched=lambda: _attribute(PostgresModel, "raised", lambda *_: 0),
        hint=38,
    ),
)
