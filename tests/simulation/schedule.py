"""One schedule: the real code over a scripted network, from a seed, in virtual time.

The cut: everything of the product between a request and the two servers is the real thing: the
classes of ``persistence/`` and the function library, which runs in Lua beside Python. The servers
are models in memory (``redis/``, ``postgres_model.py``), because a schedule has to take a few
milliseconds, and because only a model lets a message arrive forty seconds late at no cost, a node
come back with the state of a second ago, and a COMMIT succeed whose client has given up. The models
are held to the real servers by tests of their own. A model of the protocol instead of the code
would be quicker, and would prove nothing of the code.

A schedule is a plan (``plan.py``) and the fates of messages; both come from the seed alone.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from engine.commands import GrantRequest
from engine.ruleset import Ruleset, load_ruleset
from lua.library import Library, shipped_sources
from persistence.errors import CharacterQuarantined, PersistenceError
from persistence.records import Call
from tests.parity.world import ACTOR, TEMPLATES
from tests.simulation.faults import Faults
from tests.simulation.final import check_all
from tests.simulation.loop import Loop
from tests.simulation.network import Network, Weather
from tests.simulation.plan import Plan, Step
from tests.simulation.player import Memory, Promises, call_of, make_order, may_repeat, outcome_of
from tests.simulation.postgres_model import PostgresModel
from tests.simulation.processes import KEYS, Catalog, Gateway, Settings
from tests.simulation.profiles import BY_NAME
from tests.simulation.redis_model import RedisModel
from tests.simulation.session_checks import Violation
from tests.simulation.watcher import Watcher

# Bounds of liveness, in virtual seconds after the last fault.
CALLS_END_S = 400.0
QUIET_S = 120.0
ATTEMPTS = 6


@cache
def ruleset() -> Ruleset:
    """The shipped one."""
    return load_ruleset()


@cache
def library(changed: tuple[tuple[str, str], ...] = ()) -> Library:
    """The shipped library; ``changed`` has other texts for some of its files."""
    return Library(ruleset(), shipped_sources() | dict(changed))


class Schedule:
    """A deployment, its callers and its misfortunes."""

    def __init__(self, plan: Plan, changed: Mapping[str, str]) -> None:
        self.plan, self.ruleset = plan, ruleset()
        self.profile = BY_NAME[plan.profile]
        rng = Random(plan.luck)
        self.loop = Loop(rng)
        self.redis = RedisModel()
        self.postgres = PostgresModel(ruleset())
        known = library(tuple(sorted(changed.items())))
        settings = Settings()
        settings.flush_interval_ms = self.profile.flush_interval_ms
        settings.idle_evict_ms = self.profile.idle_evict_ms
        settings.unflushed_max_ms = self.profile.unflushed_max_ms
        self.catalog = Catalog(dict(TEMPLATES))
        self.watcher = Watcher(self.loop, self.redis, self.postgres, known, settings, self.catalog)
        self.network = Network(self.loop, self.redis, self.postgres, rng, self.watcher)
        self.network.redis_weather, self.network.postgres_weather = plan.redis, plan.postgres
        self.characters = [f"0f0e0d0c-0b0a-4908-8706-05040302010{n}" for n in range(plan.characters)]
        for char_id in self.characters:
            self.postgres.create(char_id, ACTOR)
        self.gateways = [
            Gateway(f"g{n}", self.network, known, ruleset(), self.catalog, settings, flushing=flushing)
            for n, flushing in enumerate(self.profile.flushing)
        ]
        self.memories = {char_id: Memory() for char_id in self.characters}
        self.evicting = Counter[str]()
        self.promises = Promises(self.watcher)
        self.faults = Faults(self)

    def run(self) -> None:
        """Raises ``Violation``."""
        loop, plan = self.loop, self.plan
        self.redis.serve(("FUNCTION", "LOAD", "REPLACE", self.gateways[0].library.code))
        for gateway in self.gateways:
            gateway.start()
        tasks = []
        for number, step in enumerate(plan.steps):
            if step.kind in self.faults.kinds:
                self.faults.plan(step)
            else:
                tasks.append(loop.spawn(None, self._step(number, step)))
        last_s = self.profile.length_ms / 1000
        loop.run(lambda: loop.now >= last_s, limit=last_s)
        self.faults.end()
        self._wait(lambda: all(task.done() for task in tasks), CALLS_END_S, "calls that never end")
        for task in tasks:
            if (error := task.exception()) is not None:
                raise error if isinstance(error, Violation) else Violation(f"a caller met {error!r}")
        late_until = self.network.late_until
        loop.run(lambda: loop.now >= late_until, limit=late_until)
        self._wait(self._is_quiet, QUIET_S, "sessions that are never flushed or closed")
        check_all(self)

    def _wait(self, until: Callable[[], bool], limit_s: float, what: str) -> None:
        if not self.loop.run(until, limit=self.loop.now + limit_s):
            heads = [self.redis.standing(KEYS.of(char_id), char_id) for char_id in self.characters]
            raise Violation(f"{what}: {heads}")

    def _is_quiet(self) -> bool:
        for char_id in self.characters:
            _, status, *_, size, _, _, _, _ = self.redis.standing(KEYS.of(char_id), char_id)
            if status == b'"CLOSING"' or (size and status != b'"QUARANTINED"'):
                return False
        return not self.postgres.locks

    async def _step(self, number: int, step: Step) -> None:
        await _sleep(self.loop, step.at_ms / 1000)
        char_id, gateway = self.characters[step.char], self.gateways[step.who]
        try:
            if step.kind == "call":
                await self.play(number, char_id, Random(step.seed), step.who)
            elif step.kind == "look":
                live = await gateway.ask(gateway.look(char_id))
                self.memories[char_id].tag = live.tag
                self.memories[char_id].items = dict(live.session.items)
            elif step.kind == "load":
                await gateway.ask(gateway.orchestrator.load_session(char_id))
            elif step.kind == "save":
                await gateway.ask(gateway.orchestrator.save_session(char_id))
            else:
                self.evicting[char_id] += 1
                try:
                    await gateway.ask(gateway.orchestrator.save_session(char_id, evict=True))
                finally:
                    self.evicting[char_id] -= 1
        except PersistenceError as error:
            self.watcher.say(f"caller {number} {step.kind}: {error!r}")
            if step.kind == "evict" and self.profile.name == "outage":
                self._check_cancelled(char_id, error)

    def _check_cancelled(self, char_id: str, error: PersistenceError) -> None:
        """A close that came to nothing lets play go on, if Redis is there to be told."""
        ending = self.evicting[char_id] > 0 or any(char_id in each.flusher._ending for each in self.gateways)
        if (
            self.redis.up
            and self.plan.redis == Weather()
            and "PostgreSQL: refused" in str(error)
            and not ending
        ):
            status = self.redis.standing(KEYS.of(char_id), char_id)[1]
            if status == b'"CLOSING"':
                raise Violation(f"{char_id}: the close failed, and the session is closing still")

    async def play(self, number: int, char_id: str, rng: Random, who: int) -> None:
        """One call, sent again where that is safe."""
        memory = self.memories[char_id]
        order = make_order(number, char_id, rng, self.profile, memory)
        memory.poisoned |= order.by != ""
        id_prefix = f"{number:012x}8{number:03x}8{rng.getrandbits(28):07x}"
        for attempt in range(ATTEMPTS):
            gateway = self.gateways[(who + attempt) % len(self.gateways)]
            request_id = f"{number}.{attempt}"
            self.promises.sent(order, request_id)
            hang_up_s = rng.random() * 0.02 if rng.random() < self.profile.hang_up else None
            try:
                work = gateway.play(char_id, order.commands, call_of(order, request_id), id_prefix)
                answer = await gateway.ask(work, hang_up_s)
            except PersistenceError as error:
                self.watcher.say(f"caller {request_id}: {error!r}")
                if isinstance(error, CharacterQuarantined) or not may_repeat(error, order):
                    return
                await _sleep(self.loop, self.loop.now + rng.random() * (0.1 + attempt))
                continue
            reply = outcome_of(answer, memory)
            if reply is not None:
                self.promises.kept(order, request_id, reply)
            return

    async def last_words(self, char_id: str, number: int) -> str | None:
        """One more durable call, which has to go through now, and the end of the session."""
        gateway, command = self.gateways[0], GrantRequest(template_id="gold", quantity=1)
        for attempt in range(3):
            call = Call("", f"{number}.{attempt}", "", "", durable=True)
            id_prefix = f"{number:012x}8000{8}{attempt:07x}"
            try:
                answer = await gateway.ask(gateway.play(char_id, (command,), call, id_prefix))
                state = await gateway.ask(gateway.orchestrator.save_session(char_id, evict=True))
            except PersistenceError as error:
                # The flusher may still be waiting for a message of before.
                problem: str | None = repr(error)
                await _sleep(self.loop, self.loop.now + 1)
                continue
            if not isinstance(answer, bytes):
                return f"was answered {answer}"
            if not state.live:
                return None
            # A flush of before has made it live again, as a load of now would. Who wants its end asks again.
            problem = "the session would not end"
            await _sleep(self.loop, self.loop.now + 1)
        return problem


async def _sleep(loop: Loop, until_s: float) -> None:
    future = loop.create_future()
    loop.call_at(until_s, future.set_result, None)
    await future
