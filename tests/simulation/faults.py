"""Misfortunes of servers and processes, each at the time that the plan says."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.network import Weather
from tests.simulation.plan import Step

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule


class Faults:
    """What goes wrong, until ``end``."""

    def __init__(self, schedule: "Schedule") -> None:
        self._at = schedule
        self.kinds: dict[str, Callable[[Step, Random], None]] = {
            "die": self._die,
            "stop": self._stop,
            "restart": self._restart,
            "lost tail": self._lost_tail,
            "fail over": self._fail_over,
            "data gone": self._data_gone,
            "ghost": self._ghost,
            "library gone": self._library_gone,
            "redis away": self._redis_away,
            "postgres away": self._postgres_away,
            "full": self._full,
            "clock": self._clock,
            "catalog": self._catalog,
        }
        self._over = False
        # Copies are of this run of the data; one of an earlier run is no past of this one.
        self._era = 0
        self._failed_over_s = -1.0

    def plan(self, step: Step) -> None:
        """Have it happen at its time."""
        rng = Random(step.seed)
        if step.kind in ("lost tail", "fail over"):
            self._plan_with_copy(step, rng)
        elif step.kind == "ghost":
            self._plan_ghost(step, rng)
        else:
            self._after(step.at_ms / 1000, lambda: self.kinds[step.kind](step, rng))

    def end(self) -> None:
        """The sun comes out."""
        self._over = True
        schedule = self._at
        network = schedule.network
        network.redis_weather = network.postgres_weather = Weather()
        network.postgres_up = schedule.redis.up = True
        schedule.redis.full(False)
        for gateway in schedule.gateways:
            if gateway.process.dead:
                gateway.start()
        schedule.watcher.say("*** the faults are over")

    def _after(self, delay_s: float, act: Callable[[], object]) -> None:
        self._at.network.after(delay_s, lambda: None if self._over else act())

    def _plan_with_copy(self, step: Step, rng: Random) -> None:
        lag_s = rng.choice((0.0, 0.02, 0.2, 1.0)) * rng.random()
        at_s = step.at_ms / 1000
        taken: list[tuple[int, Any]] = []

        def act() -> None:
            era, copy = taken[0] if taken else (self._era, self._at.redis.copy())
            if era == self._era:
                getattr(self, "_" + step.kind.replace(" ", "_"))(step, rng, copy)

        self._after(max(0.0, at_s - lag_s), lambda: taken.append((self._era, self._at.redis.copy())))
        self._after(at_s, act)

    def _plan_ghost(self, step: Step, rng: Random) -> None:
        """An old primary comes back with what it had, whatever others have done in the meantime."""
        taken: list[Any] = []
        self._after(step.at_ms / 1000 * rng.random(), lambda: taken.append(self._at.redis.copy()))
        self._after(step.at_ms / 1000 + 0.001, lambda: self._ghost(step, rng, taken[0]))

    def _ghost(self, step: Step, rng: Random, copy: Any = None) -> None:
        self._disaster("an old node comes back as it was", rng, lambda: self._at.redis.restart(copy))

    def _die(self, step: Step, rng: Random) -> None:
        gateway = self._at.gateways[step.who]
        if not gateway.process.dead:
            self._at.watcher.say(f"*** {gateway.process.name} dies")
            gateway.die()
            self._after(0.03 + rng.random() ** 2 * 1.5, gateway.start)

    def _stop(self, step: Step, rng: Random) -> None:
        """A process is stopped as an operator does it: it flushes first."""
        gateway = self._at.gateways[step.who]
        if gateway.process.dead:
            return
        self._at.watcher.say(f"*** {gateway.process.name} is stopped")
        process = gateway.process

        def stopped(_: object) -> None:
            if gateway.process is process and not process.dead:
                gateway.die()
                self._at.network.after(0.03, gateway.start)

        self._at.loop.spawn(process, gateway.flusher.stop()).add_done_callback(stopped)

    def _disaster(self, what: str, rng: Random, act: Callable[[], None]) -> None:
        self._era += 1
        self._at.watcher.disaster(what, act)
        self._away(0.3 * rng.random() ** 2)

    def _away(self, for_s: float) -> None:
        redis = self._at.redis
        redis.up = False

        def back() -> None:
            redis.up = True

        self._after(for_s, back)

    def _restart(self, step: Step, rng: Random) -> None:
        redis = self._at.redis
        self._disaster("Redis restarts with its data", rng, lambda: redis.restart(redis.copy()))

    def _lost_tail(self, step: Step, rng: Random, copy: Any = None) -> None:
        self._disaster("Redis restarts without its tail", rng, lambda: self._at.redis.restart(copy))

    def _fail_over(self, step: Step, rng: Random, copy: Any = None) -> None:
        # Servers cannot change places twice within the tenth of a second for which a gen is kept.
        if self._at.loop.now - self._failed_over_s > 0.15:
            self._failed_over_s = self._at.loop.now
            self._disaster("a replica is promoted", rng, lambda: self._at.redis.fail_over(copy))

    def _data_gone(self, step: Step, rng: Random) -> None:
        self._disaster("Redis restarts with nothing", rng, lambda: self._at.redis.restart())

    def _library_gone(self, step: Step, rng: Random) -> None:
        self._at.watcher.say("*** the library vanishes")
        self._at.redis.serve(("FUNCTION", "FLUSH"))

    def _redis_away(self, step: Step, rng: Random) -> None:
        self._at.watcher.say("*** Redis is away")
        self._away(rng.random())

    def _postgres_away(self, step: Step, rng: Random) -> None:
        network = self._at.network
        for_s = 0.1 + rng.random() ** 2 * 5
        self._at.watcher.say(f"*** PostgreSQL is away for {for_s:.2f} s")
        network.postgres_up = False

        def back() -> None:
            self._at.watcher.say("*** PostgreSQL is back")
            network.postgres_up = True

        self._after(for_s, back)

    def _full(self, step: Step, rng: Random) -> None:
        self._at.watcher.say("*** Redis is full")
        self._at.redis.full(True)
        self._after(rng.random() * 2, lambda: self._at.redis.full(False))

    def _clock(self, step: Step, rng: Random) -> None:
        jump_s = rng.choice((-3, -0.5, 0.5, 3, 20))
        self._at.watcher.say(f"*** Redis's clock jumps by {jump_s} s")
        self._at.redis.jump(int(jump_s * 1_000_000))

    def _catalog(self, step: Step, rng: Random) -> None:
        self._at.catalog.change()
        self._at.watcher.say(f"*** catalog {self._at.catalog.version}")
        for gateway in self._at.gateways:
            self._after(rng.random() ** 2, gateway.poll_catalog)
