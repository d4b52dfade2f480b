"""LOAD: a character's inventory from PostgreSQL becomes a live session (docs/protocol.md)."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter_ns

from engine.ruleset import Ruleset
from persistence import measures
from persistence.errors import CharacterNotFound, CharacterQuarantined, PersistenceError, Unavailable
from persistence.items.item_gateway import ItemGateway
from persistence.meters import Meters
from persistence.postgres.load_batch import HeadHeld
from persistence.postgres.store import InventoryStore
from persistence.protocol.batcher import Batcher
from persistence.protocol.ruleset_turns import RulesetTurns
from persistence.protocol.snapshot_session import session_from
from persistence.records import Snapshot
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import CLOSING, QUARANTINED, Probe
from persistence.sessions.work_queue import WorkQueue

_log = logging.getLogger(__name__)

# Each attempt that does not end in a live session was overtaken by another load, an eviction or
# a failover; so many in a row mean that something else is wrong.
ATTEMPTS = 10
# A transaction for so many loads costs each of them next to nothing; more would only make each wait longer.
LOADS_A_BATCH = 64
# One is read while what the others have read is installed; beyond that the servers are busy anyway.
BATCHES_AT_ONCE = 3
# Loads between their first step and their last: enough to fill the batches, few enough that none of
# them gets old on the way, and that little memory is asked of Redis and this process at a time.
LOADS_AT_ONCE = 256
# How often a head that somebody holds is tried again: soon at first, since flushes are short, and for
# longer than PostgreSQL keeps the transaction of a process that has stopped.
HELD_TRIES = 30
HELD_PAUSE_S, HELD_PAUSE_LONGEST_S = 0.005, 0.5

Begun = tuple[Probe, Snapshot]


class Loader:
    """Loads sessions; loads of one character that are asked for at once are one load.

    Those of many characters share their round trips and their transactions: probes and reads go in
    batches, and what follows each other in one turn of the event loop is written to Redis at once.
    """

    def __init__(
        self,
        sessions: InventorySessionManager,
        work: WorkQueue,
        store: InventoryStore,
        items: ItemGateway,
        ruleset: Ruleset,
        flush: Callable[[str], Awaitable[object]],
        *,
        meters: Meters | None = None,
    ) -> None:
        """``flush`` brings one character's changes to PostgreSQL, before its session is written anew."""
        meters = meters or Meters(measures.PERSISTENCE)
        self._loads = {result: meters.counter(measures.LOADS, result) for result in measures.LOAD_RESULTS}
        self._seconds = meters.histogram(measures.LOAD_SECONDS)
        self._incidents = meters.counter(measures.INCIDENTS)
        self._sessions = sessions
        self._work = work
        self._store = store
        self._items = items
        self._ruleset = ruleset
        self._flush = flush
        self._rulesets = RulesetTurns(sessions, ruleset, flush)
        self._under_way: dict[str, asyncio.Task[tuple[Probe, bool]]] = {}
        self._callers: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(LOADS_AT_ONCE)
        self._batches = Batcher(self._begin_all, size=LOADS_A_BATCH, in_flight=BATCHES_AT_ONCE)

    async def load(self, char_id: str) -> tuple[Probe, bool]:
        """A live session under this node, ruleset and catalog, and whether that took a load.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``, ``Unavailable``.
        """
        self._callers[char_id] += 1
        try:
            return await self._one_of_now(char_id)
        finally:
            self._callers[char_id] -= 1
            if not self._callers[char_id]:
                del self._callers[char_id]

    async def _one_of_now(self, char_id: str) -> tuple[Probe, bool]:
        """A load that begins now or later, alone or with others who ask."""
        task, waited = self._under_way.get(char_id), False
        if task is not None and not task.done():
            # It began before this call, so what it has seen may be older: only a later one may answer.
            _, waited = await asyncio.shield(task)
            task = self._under_way.get(char_id)
        if task is None or task.done():
            task = asyncio.create_task(self._load(char_id))
            self._under_way[char_id] = task
            begun = perf_counter_ns()
            task.add_done_callback(lambda done: self._ended(char_id, done, begun))
        # A caller who goes away takes nothing from the others who wait.
        probe, loaded = await asyncio.shield(task)
        return probe, loaded or waited

    def _ended(self, char_id: str, task: "asyncio.Task[tuple[Probe, bool]]", begun: int) -> None:
        if self._under_way.get(char_id) is task:
            del self._under_way[char_id]
        if task.cancelled():
            return
        # Where all who asked have gone, its error is no news.
        error = task.exception()
        if error is not None:
            refused = isinstance(error, CharacterNotFound | CharacterQuarantined)
            self._loads["refused" if refused else "failed"].add()
        elif task.result()[1]:
            self._loads["loaded"].add()
            self._seconds.observe(perf_counter_ns() - begun)
        else:
            self._loads["live"].add()

    async def _load(self, char_id: str) -> tuple[Probe, bool]:
        probe = await self._sessions.probe(char_id)
        for attempt in range(ATTEMPTS):
            if self._is_playable(probe):
                return probe, attempt > 0
            if not probe.damage and self._rulesets.concern(char_id, probe):
                probe = await self._by_turns(char_id, probe)
                continue
            if _wants_flush(probe):
                await self._flush(char_id)
            _, probe = await self.reload(char_id)
        raise Unavailable(f"character {char_id} could not be loaded in {ATTEMPTS} attempts")

    async def _by_turns(self, char_id: str, probe: Probe) -> Probe:
        """One load beside a process of another ruleset, or where the session stands after its turn."""
        if self._rulesets.of_another(probe):
            async with self._rulesets.turn(char_id):
                return (await self.reload(char_id))[1]
        probe = await self._rulesets.wait(char_id, probe)
        return probe if probe.status != CLOSING else (await self.reload(char_id))[1]

    async def reload(self, char_id: str) -> tuple[str, Probe]:
        """One load, wanted or not: raise the epoch, read, install; what became of it, and a probe after."""
        async with self._begun(char_id) as (before, snapshot):
            if before.catalog > self._items.version:
                # Old facts must never be written over newer ones.
                await self._items.refresh()
            catalog = self._items.version
            session = session_from(snapshot, self._ruleset, self._items)
            verdict, probe = await self._sessions.open(
                session,
                probe=before,
                epoch=snapshot.head.epoch,
                incarnation=snapshot.head.incarnation,
                catalog=catalog,
                line=snapshot.line,
                operations=snapshot.operations,
            )
        if verdict == "REPLACED":
            self._incidents.add()
            held = before.damage or f"Redis held seq {before.seq} and PostgreSQL {session.seq}"
            reason = f"{held}: the session was replaced"
            _log.error("character %s: %s, and what it had not flushed is set aside", char_id, reason)
            await self._keep_incident(char_id, reason)
        return verdict, probe

    async def adopt(self, char_id: str) -> str:
        """A load for a flush's sake: the session goes on under a newer epoch, or gives way if it is behind.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``.
        """
        # The epoch must be one of its own: under that of another load, whose rows may come yet, the two
        # could not be told apart.
        async with self._begun(char_id) as (probe, snapshot):
            head = snapshot.head
            verdict = await self._sessions.adopt(
                char_id,
                probe=probe,
                epoch=head.epoch,
                seq=head.seq,
                incarnation=head.incarnation,
                line=snapshot.line,
            )
        return (await self.reload(char_id))[0] if verdict == "BEHIND" else verdict

    @asynccontextmanager
    async def _begun(self, char_id: str) -> AsyncIterator[Begun]:
        """What a load begins with, while it is one of those at once; a head that is held is waited for."""
        for attempt in range(HELD_TRIES):
            if attempt > 0:
                # Without a turn, so that those who wait for what is held keep nobody else from loading.
                await asyncio.sleep(min(HELD_PAUSE_S * 2 ** (attempt - 1), HELD_PAUSE_LONGEST_S))
            async with self._turns:
                if attempt > 0 and self._has_no_caller(char_id):
                    raise Unavailable(f"nobody waits any more for character {char_id} to be loaded")
                try:
                    begun = await self._batches.ask(char_id)
                except HeadHeld:
                    if attempt == HELD_TRIES - 1:
                        raise
                else:
                    yield begun
                    return

    def _has_no_caller(self, char_id: str) -> bool:
        # A load that all have gone away from must not bring back, seconds later, what was ended meanwhile.
        return char_id in self._under_way and not self._callers[char_id]

    async def _begin_all(self, char_ids: Sequence[str]) -> Mapping[str, Begun | PersistenceError]:
        # The probes come first: what is read under a node must have been read after it was seen.
        probes = await self._sessions.probes(char_ids)
        snapshots = await self._store.begin_loads(char_ids)
        return {
            char_id: (probe, found) if isinstance(found := snapshots[char_id], Snapshot) else found
            for char_id, probe in zip(char_ids, probes, strict=True)
        }

    async def _keep_incident(self, char_id: str, reason: str) -> None:
        # Whoever dies in between leaves the entries in Redis, where the next incident is added to them.
        entries = await self._work.incident(char_id)
        if entries:
            await self._store.record_incident(char_id, reason, entries)
            await self._work.forget_incident(char_id, entries)

    def _is_playable(self, probe: Probe) -> bool:
        return (
            probe.on_this_node
            and probe.ruleset == f'"{self._ruleset.hash}"'
            and probe.catalog == self._items.version
        )


def _wants_flush(probe: Probe) -> bool:
    # What is damaged is quarantined by its flush; where that is done, PostgreSQL says what may be loaded.
    # What is derived from old facts can be written anew only when PostgreSQL has all of the session.
    if probe.damage:
        return probe.status != QUARANTINED
    return probe.on_this_node and probe.seq > probe.flushed_seq
