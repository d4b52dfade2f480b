"""Those who live on: what a killed process had acknowledged, and what it had begun, is looked for."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import asyncpg
import redis

from engine.refusals import Refusal
from engine.ruleset import Ruleset
from persistence.errors import CharacterQuarantined, OutcomeUnknown, SessionNotLive
from persistence.keys import Keys
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.flusher import Flusher
from persistence.records import Call
from persistence.service import ServiceSettings, open_service
from tests.crash_points.doomed import FLUSH_INTERVAL_MS, LEASE_MS
from tests.crash_points.recording import Life, Place
from tests.crash_points.scenarios import Scenario
from tests.invariants import violations
from tests.parity.twins import encode

HEALED_S = 20.0
_SETTLED = (b'"LIVE"', None)


class Survivors:
    """One gateway that lives through all trials of a worker; it takes over when a process has died.

    While a trial's process lives, this one neither flushes nor calls. ``look`` answers with a sentence for
    all that is not as it should be.
    """

    def __init__(
        self,
        gateway: InventoryOrchestrator,
        place: Place,
        client: redis.Redis,
        connection: "asyncpg.Connection[asyncpg.Record]",
    ) -> None:
        self._gateway = gateway
        self._place = place
        self._redis = client
        self._sql = connection
        self._keys = Keys()

    @classmethod
    @asynccontextmanager
    async def opened(cls, ruleset: Ruleset, place: Place) -> AsyncIterator[Self]:
        settings = ServiceSettings(place.redis_url, place.database_url, flush_interval_ms=FLUSH_INTERVAL_MS)
        connection = await asyncpg.connect(place.database_url)
        with redis.Redis.from_url(place.redis_url) as client:
            async with open_service(settings, ruleset, flushing=False) as gateway:
                yield cls(gateway, place, client, connection)
        await connection.close()

    async def look(self, scenario: Scenario, life: Life, *, at_once: bool) -> list[str]:
        """Check, play on and check again. ``at_once``: callers come first; else all heals by itself."""
        self._life = life
        self._sick = [life.char_ids[index] for index in scenario.poisoned]
        self._wrong: list[str] = []
        await self._acknowledged_is_there()
        async with self._flushing():
            if not at_once:
                await self._heals_by_itself()
            await self._plays_on()
            await self._sick_ones_are_quarantined()
        await self._ledger_has_each_call_once()
        return self._wrong

    async def audit(self) -> list[str]:
        """Every invariant, over all trials so far."""
        return await violations(self._place.redis_url, self._place.database_url, self._gateway.ruleset)

    @asynccontextmanager
    async def _flushing(self) -> AsyncIterator[None]:
        """With a flusher of its own: one that was stopped does not start again."""
        old = self._gateway._flusher
        flusher = Flusher(
            old._work, old._writes, old._evictor, interval_ms=FLUSH_INTERVAL_MS, lease_ms=LEASE_MS
        )
        self._gateway._flusher = self._gateway._runner._flusher = flusher
        flusher.start()
        try:
            yield
        finally:
            await flusher.stop()

    async def _acknowledged_is_there(self) -> None:
        """In the ledger, or at least in the session's journal; in the ledger, when that was said."""
        for call in self._life.answered:
            if call["refused"] or call["char_id"] in self._sick:
                continue
            written = await self._ledger(call["char_id"])
            ahead = self._redis.lrange(self._keys.of(call["char_id"]).journal, 0, -1)
            if call["op_id"] in written or (
                not call["durable"] and call["op_id"] in [json.loads(entry)["op_id"] for entry in ahead]
            ):
                continue
            self._wrong.append(f"{call['op_id']} was acknowledged and is gone")

    async def _heals_by_itself(self) -> None:
        """Nobody calls: leases run out, and all that is dirty or half closed is brought to its end."""
        try:
            async with asyncio.timeout(HEALED_S):
                while not all(map(self._is_clean, self._life.char_ids)):
                    await asyncio.sleep(0.005)
        except TimeoutError:
            self._wrong.append(f"not healed after {HEALED_S} s")

    def _is_clean(self, char_id: str) -> bool:
        status, seq, flushed = self._redis.hmget(
            self._keys.of(char_id).session, "status", "seq", "flushed_seq"
        )
        return status == b'"QUARANTINED"' or (status in _SETTLED and seq == flushed)

    async def _plays_on(self) -> None:
        """Every call is repeated, also across an eviction: each is known, and was done once."""
        repeated = {
            (call["char_id"], call["op_id"]): call
            for call in self._life.asked
            if call["char_id"] not in self._sick
        }
        answered = {(call["char_id"], call["op_id"]): call["reply"] for call in self._life.answered}
        for key, call in repeated.items():
            reply = await self._call(call)
            if not call["refused"]:
                self._is_as_before(key, answered.setdefault(key, reply), reply)
        for char_id in {char_id for char_id, _ in repeated}:
            await self._call(
                {
                    "char_id": char_id,
                    "op_id": "after",
                    "commands": [{"op": "grant", "template_id": "gold", "quantity": 1}],
                    "durable": True,
                },
            )
            state = await self._gateway.save_session(char_id, evict=True)
            if state.live or self._redis.exists(self._keys.of(char_id).session):
                self._wrong.append("not evicted")
        for key, call in repeated.items():
            if not call["refused"]:
                reply = await self._call(call)
                self._is_as_before(key, answered[key], reply)
                if not reply["replayed"]:
                    self._wrong.append(f"{key[1]} was done again after an eviction")

    def _is_as_before(self, key: tuple[str, str], before: Any, now: Any) -> None:
        # In flight, it may have been done or not; answered, it must be known.
        if now | {"replayed": True} != before | {"replayed": True}:
            self._wrong.append(f"{key[1]} was answered {before} and then {now}")

    async def _call(self, call: dict[str, Any]) -> Any:
        commands = encode(call["commands"])
        terms = Call(op_id=call["op_id"], durable=call["durable"])
        while True:
            try:
                outcome = await self._gateway.submit(call["char_id"], commands, terms)
            except SessionNotLive:
                await self._gateway.load_session(call["char_id"])
                continue
            except OutcomeUnknown:
                # What a caller does who has an operation id.
                continue
            if isinstance(outcome, bytes) == call.get("refused", False):
                self._wrong.append(f"{call['op_id']} is answered {outcome!r}")
            return (
                {} if isinstance(outcome, Refusal) or not isinstance(outcome, bytes) else json.loads(outcome)
            )

    async def _sick_ones_are_quarantined(self) -> None:
        for char_id in self._sick:
            try:
                await self._gateway.save_session(char_id)
                self._wrong.append("what PostgreSQL refuses was saved")
            except CharacterQuarantined:
                pass
            if await self._sql.fetchval(
                "SELECT quarantined IS NULL FROM characters WHERE char_id = $1", char_id
            ):
                self._wrong.append("it is not on record why a character is quarantined")
            if await self._ledger(char_id):
                self._wrong.append("what PostgreSQL refuses is in its ledger")
            # An operator has looked; the audit is about the others.
            keys = self._keys.of(char_id)
            self._redis.delete(keys.session, keys.journal, keys.done)
            await self._sql.execute("DELETE FROM characters WHERE char_id = $1", char_id)

    async def _ledger_has_each_call_once(self) -> None:
        for char_id in self._life.char_ids:
            expected = {
                call["op_id"]
                for call in self._life.asked
                if call["char_id"] == char_id and not call["refused"] and char_id not in self._sick
            }
            written = await self._ledger(char_id)
            if written != Counter(expected | ({"after"} if expected else set())):
                # Calls that were refused are asked for again as well, and then are no more in the ledger.
                self._wrong.append(f"the ledger has {dict(written)} for {sorted(expected)}")

    async def _ledger(self, char_id: str) -> Counter[str]:
        rows = await self._sql.fetch("SELECT op_id FROM journal WHERE char_id = $1", char_id)
        return Counter(row["op_id"] for row in rows)
