"""Which scenario dies at which moment, and the trying of it, on two workers at once."""

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from engine.ruleset import Ruleset
from persistence import service
from persistence.items.catalog_store import import_catalog
from persistence.postgres.store import InventoryStore
from tests.crash_points import apply, evict, flush, load  # noqa: F401 - they add their scenarios
from tests.crash_points.doomed import LEASE_MS, catalog
from tests.crash_points.moments import Moment
from tests.crash_points.recording import Life, Nursery, Place
from tests.crash_points.scenarios import SCENARIOS
from tests.crash_points.survivors import Survivors
from tests.servers import Servers

WORKERS = 2
KILLED = -9
# Each wrong trial may take its longest, and a few tell as much as hundreds.
ENOUGH = 20
LONGEST_S = 60

Met = dict[str, dict[Moment, int]]


class Trial(NamedTuple):
    """One death; ``nth``: how often the moment was met by then.

    ``others`` meet the moment too. What a scenario met by chance, because two of its tasks raced, it may
    never meet again; then one of them dies there.
    """

    scenario: str
    point: str
    moment: str
    nth: int = 1
    others: tuple[str, ...] = ()

    @property
    def doom(self) -> tuple[str, str, int]:
        return self.point, self.moment, self.nth

    def __str__(self) -> str:
        return f"{self.scenario}, killed at {self.point}, {self.moment}, met {self.nth}"


class Worker:
    """A nursery, a database and a Redis of its own, and who lives on there."""

    def __init__(self, nursery: Nursery, place: Place, survivors: Survivors) -> None:
        self._nursery = nursery
        self._place = place
        self._survivors = survivors
        self._owners: dict[str, Trial] = {}

    async def record(self, scenario: str) -> tuple[dict[Moment, int], list[str]]:
        """What a scenario meets when nothing kills it, and what is wrong afterwards."""
        life = await self._nursery.live(self._place, scenario)
        wrong = [f"it failed: {life.failed}"] if life.ended else []
        return life.met, wrong + await self._look(Trial(scenario, "", ""), life, at_once=False)

    async def kill(self, trial: Trial, *, at_once: bool) -> list[str]:
        """What is wrong after a death; empty when all is well."""
        wrong = []
        for scenario in (trial.scenario, *trial.others):
            tried = trial._replace(scenario=scenario)
            life = await self._nursery.live(self._place, scenario, trial.doom)
            if life.ended == KILLED:
                return await self._look(tried, life, at_once=at_once)
            wrong.append(f"{tried}: it was not killed, but ended with {life.ended} {life.failed}")
            if life.ended:
                break
        return wrong

    async def _look(self, trial: Trial, life: Life, *, at_once: bool) -> list[str]:
        try:
            async with asyncio.timeout(LONGEST_S):
                wrong = await self._survivors.look(SCENARIOS[trial.scenario], life, at_once=at_once)
        except Exception:
            wrong = [traceback.format_exc()]
        self._owners |= dict.fromkeys(life.char_ids, trial)
        return [f"{trial}: {what}" for what in wrong]

    async def audit(self) -> list[str]:
        """What the invariants say of all trials so far."""
        found = []
        for what in await self._survivors.audit():
            owners = (trial for char_id, trial in self._owners.items() if char_id in what)
            found.append(f"{next(owners, 'a trial')}: {what}")
        return found


@asynccontextmanager
async def workers(servers: Servers, ruleset: Ruleset) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        # Short leases, so that it need not wait long for those of the dead.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(service, "LEASE_MS", LEASE_MS)
        hired = []
        for number in range(1, WORKERS + 1):
            place = Place(f"{servers.redis.url}?db={number}", await servers.fresh_database(lasting=True))
            store = await InventoryStore.connect(place.database_url, ruleset, pool_size=1)
            await import_catalog(store, catalog())
            await store.close()
            survivors = await stack.enter_async_context(Survivors.opened(ruleset, place))
            nursery = await Nursery.open()
            stack.push_async_callback(nursery.close)
            hired.append(Worker(nursery, place, survivors))
        yield hired


def chosen(met: Met) -> list[Trial]:
    """Every moment once; of the scenarios that meet it, in the one that has been used least."""
    trials: list[Trial] = []
    used: Counter[str] = Counter()
    by_moment: dict[Moment, list[str]] = {}
    for name, moments in met.items():
        for moment in moments:
            by_moment.setdefault(moment, []).append(name)
    for moment, names in sorted(by_moment.items(), key=lambda pair: (len(pair[1]), pair[0])):
        name = min(names, key=lambda name: used[name])
        used[name] += 1
        others = tuple(other for other in names if other != name)
        trials.append(Trial(name, *moment, others=others))
    return sorted(trials, key=lambda trial: list(SCENARIOS).index(trial.scenario))


def everything(met: Met) -> list[Trial]:
    """Every moment of every scenario, as often as it is met."""
    return [
        Trial(name, point, moment, nth)
        for name, moments in met.items()
        for (point, moment), times in moments.items()
        for nth in range(1, times + 1)
    ]


async def record(hired: Sequence[Worker]) -> tuple[Met, list[str]]:
    """All scenarios, not killed: what each meets, and what is wrong."""
    met: Met = {}
    wrong: list[str] = []
    todo = list(SCENARIOS)

    async def work(worker: Worker) -> None:
        while todo:
            name = todo.pop(0)
            met[name], found = await worker.record(name)
            wrong.extend(found)
            if len(wrong) >= ENOUGH:
                todo.clear()
        wrong.extend(await worker.audit())

    await asyncio.gather(*map(work, hired))
    return {name: met.get(name, {}) for name in SCENARIOS}, wrong


async def kill_all(hired: Sequence[Worker], trials: Sequence[Trial]) -> list[str]:
    """What is wrong after each death, the trial named before it."""
    wrong: list[str] = []
    todo = list(enumerate(trials))

    async def work(worker: Worker) -> None:
        while todo:
            number, trial = todo.pop(0)
            wrong.extend(await worker.kill(trial, at_once=number % 2 == 0))
            if len(wrong) >= ENOUGH:
                todo.clear()
        wrong.extend(await worker.audit())

    await asyncio.gather(*map(work, hired))
    return wrong
