"""A process of the product, wired as ``persistence.service.open_service`` does, on the scripted network."""

import asyncio
from collections.abc import Coroutine, Sequence
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any

from engine.commands import Command
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from gateway.middleware import LOADS_MAX
from lua.library import Library
from persistence.errors import OutcomeUnknown, SessionNotLive, Unavailable
from persistence.keys import Keys, SessionKeys
from persistence.measures import PERSISTENCE
from persistence.meters import Meters
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.evictor import Evictor
from persistence.protocol.flusher import Flusher
from persistence.protocol.loader import Loader
from persistence.protocol.write_behind import WriteBehind
from persistence.records import Call, TagMismatch
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue
from tests.simulation.catalog import Catalog, Items
from tests.simulation.ends import Link, Store
from tests.simulation.loop import Loop, Process
from tests.simulation.network import Network


class _KnownKeys(Keys):
    """Spells the keys of each character once: the same few are asked for all the time."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, SessionKeys] = {}

    def of(self, char_id: str) -> SessionKeys:
        known = self._known.get(char_id)
        if known is None:
            known = self._known[char_id] = super().of(char_id)
        return known


KEYS = _KnownKeys()
# Of all processes together: nobody reads them, and to make them anew takes a while.
METERS = Meters(PERSISTENCE)


class Gone(OutcomeUnknown):
    """The process died, or the caller hung up, before the answer came."""


class Settings:
    """Intervals of a deployment, in milliseconds."""

    flush_interval_ms = 300
    idle_evict_ms = 60_000
    unflushed_max_ms = 30_000
    lease_ms = 2_000


class Gateway:
    """One process: an orchestrator with a flusher, which runs or not; it may die and be started again."""

    def __init__(
        self,
        name: str,
        network: Network,
        library: Library,
        ruleset: Ruleset,
        catalog: Catalog,
        settings: Settings,
        *,
        flushing: bool,
    ) -> None:
        self.name, self.network, self.flushing = name, network, flushing
        self.library, self._ruleset, self._catalog, self._settings = library, ruleset, catalog, settings
        self._runs = 0
        self._waiting: set[asyncio.Future[Any]] = set()
        self._works: list[Coroutine[Any, Any, Any]] = []
        self.process = Process(name)
        self.process.dead = True

    @property
    def loop(self) -> Loop:
        return self.network.loop

    def start(self) -> None:
        """A new process with empty hands."""
        self._runs += 1
        self.process = Process(f"{self.name}.{self._runs}")
        ruleset, settings = self._ruleset, self._settings
        mirror = Mirror(Link(self.network), self.library)  # type: ignore[arg-type]
        store: Any = Store(self.network)
        items: Any = Items(self.network, self._catalog)
        sessions = InventorySessionManager(
            mirror,
            ruleset,
            KEYS,
            flush_interval_ms=settings.flush_interval_ms,
            idle_evict_ms=settings.idle_evict_ms,
            unflushed_max_ms=settings.unflushed_max_ms,
        )
        work = WorkQueue(
            mirror,
            KEYS,
            flush_interval_ms=settings.flush_interval_ms,
            idle_evict_ms=settings.idle_evict_ms,
        )
        loader = Loader(
            sessions, work, store, items, ruleset, lambda char_id: writes.flush([char_id]), meters=METERS
        )
        writes = WriteBehind(sessions, work, store, loader.adopt, meters=METERS)
        evictor = Evictor(sessions, work, store, writes, lease_ms=settings.lease_ms, meters=METERS)
        flusher = Flusher(
            work,
            writes,
            evictor,
            interval_ms=settings.flush_interval_ms,
            lease_ms=settings.lease_ms,
            meters=METERS,
        )
        self.orchestrator = InventoryOrchestrator(
            ruleset, items, store, sessions, work, loader, flusher, evictor
        )
        self.flusher = flusher
        if self.flushing:
            self.loop.spawn(self.process, _started(flusher))

    def poll_catalog(self) -> None:
        """What ``ItemGateway`` does every second."""
        if not self.process.dead:
            self.loop.spawn(self.process, self.orchestrator.items.refresh())

    def die(self) -> None:
        """The power goes; callers see their connections break."""
        self.process.dead = True
        waiting, self._waiting = self._waiting, set()
        for work in self._works:
            # What has not begun never will.
            if getcoroutinestate(work) == CORO_CREATED:
                work.close()
        self._works.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(Gone("the process died"))

    async def ask(self, work: Coroutine[Any, Any, Any], hang_up_s: float | None = None) -> Any:
        """Have the process do something for a caller outside, who may hang up."""
        if self.process.dead:
            work.close()
            raise Unavailable("no such process")
        future = self.loop.create_future()
        self._waiting.add(future)
        self._works.append(work)
        task = self.loop.spawn(self.process, work)

        def answer(done: "asyncio.Task[Any]") -> None:
            self._waiting.discard(future)
            if future.done():
                if not done.cancelled():
                    done.exception()
            elif done.cancelled():
                future.set_exception(Gone("cancelled"))
            elif (error := done.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())

        task.add_done_callback(answer)
        if hang_up_s is not None:
            self.network.after(hang_up_s, task.cancel)
        return await future

    async def play(
        self, char_id: str, commands: Sequence[Command], call: Call, id_prefix: str
    ) -> bytes | Refusal | TagMismatch:
        """What ``gateway.middleware.Gate`` does around a handler."""
        try:
            return await self.orchestrator.submit(char_id, commands, call, id_prefix=id_prefix)
        except SessionNotLive:
            pass
        for _ in range(LOADS_MAX):
            await self.orchestrator.load_session(char_id)
            try:
                return await self.orchestrator.submit(char_id, commands, call, id_prefix=id_prefix)
            except SessionNotLive:
                continue
        raise Unavailable("the session cannot be kept live")

    async def look(self, char_id: str) -> Any:
        """A read, loading the session where it is not live."""
        for _ in range(LOADS_MAX):
            try:
                return await self.orchestrator.read_session(char_id)
            except SessionNotLive:
                await self.orchestrator.load_session(char_id)
        return await self.orchestrator.read_session(char_id)


async def _started(flusher: Flusher) -> None:
    flusher.start()
