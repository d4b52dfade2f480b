"""A process is killed at every point of LOAD, APPLY, FLUSH and EVICT, and nothing is lost or doubled.

Killed is a real process, by SIGKILL, on real servers. What counts as a point stands in ``points.py``.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
import redis

from engine.ruleset import Ruleset
from tests.crash_points.elsewhere import ELSEWHERE, UNREACHED, elsewhere
from tests.crash_points.points import LISTED, as_text, enumerated, in_source, scope_of
from tests.crash_points.scenarios import OPERATIONS, SCENARIOS
from tests.crash_points.trials import Met, Trial, chosen, kill_all, record, workers
from tests.servers import Servers

HOW = """
A new point needs a scenario that meets it (load.py, apply.py, flush.py, evict.py), or a reason in
elsewhere.py why there is none. Then `python -m tests.crash_points --write` brings the list up to date."""


class Ground:
    """Workers, and what the scenarios met when nobody was killed; one event loop for all tests here."""

    def __init__(self, runner: asyncio.Runner, servers: Servers, ruleset: Ruleset) -> None:
        self._runner = runner
        self._stack = AsyncExitStack()
        self._workers = runner.run(self._stack.enter_async_context(workers(servers, ruleset)))
        self.met: Met
        self.met, self.wrong = runner.run(record(self._workers))

    def kill(self, trials: list[Trial]) -> list[str]:
        return self._runner.run(kill_all(self._workers, trials))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())


@pytest.fixture(scope="module")
def ground(servers: Servers, ruleset: Ruleset) -> Iterator[Ground]:
    # What survivors say of the sick, hundreds of times, would bury what a failure says.
    logging.getLogger("persistence").setLevel(logging.CRITICAL)
    with redis.Redis.from_url(servers.redis.url) as client, asyncio.Runner() as runner:
        client.flushall()
        ground = Ground(runner, servers, ruleset)
        yield ground
        ground.close()
        client.flushall()
        # Scenarios leave libraries that nobody knows.
        client.function_flush()
    logging.getLogger("persistence").setLevel(logging.NOTSET)


def test_the_list_is_what_the_source_has() -> None:
    listed, has = set(LISTED.read_text("utf-8").splitlines()), set(as_text().splitlines())
    assert listed == has, "".join(
        [
            *(f"\nnew: {point}" for point in sorted(has - listed)),
            *(f"\ngone: {point}" for point in sorted(listed - has)),
            HOW,
        ]
    )


def test_every_exemption_is_about_something() -> None:
    reasons = {elsewhere(scope_of(point)) for point in in_source()}
    assert reasons == {None, *ELSEWHERE}


def test_scenarios_meet_every_moment_and_no_other(ground: Ground) -> None:
    meant = {(point, moment) for point, moments in enumerated().items() for moment in moments}
    met = {moment for moments in ground.met.values() for moment in moments}
    missed = sorted(meant - met - set(UNREACHED))
    assert not missed, "".join(f"\nmet by no scenario: {point}, {moment}" for point, moment in missed) + HOW
    assert sorted(met - meant) == [], "met, though exempt"
    assert sorted(met & set(UNREACHED)) == [], "met, though said never to be"


def test_nothing_is_wrong_when_nobody_is_killed(ground: Ground) -> None:
    assert ground.wrong == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_at_each_moment(ground: Ground, operation: str) -> None:
    trials = [trial for trial in chosen(ground.met) if SCENARIOS[trial.scenario].operation == operation]
    wrong = ground.kill(trials)
    assert not wrong, "\n".join(wrong)


def test_no_moment_is_skipped(ground: Ground) -> None:
    tried = {(trial.point, trial.moment) for trial in chosen(ground.met)}
    meant = {(point, moment) for point, moments in enumerated().items() for moment in moments}
    assert tried == meant - set(UNREACHED)
