"""Python and Lua play the same random games: refusals, changes, state, totals and journal agree.

A failure is shrunk to the shortest game that shows it; what it comes to belongs into the vectors.
"""

import random
from typing import Any

import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.ruleset import Ruleset
from lua.library import Library
from tests.parity.commands import batches, resolved
from tests.parity.twins import Twins, encode
from tests.parity.world import TEMPLATES, empty_session, random_command
from tests.servers import Servers

GAMES = 400
COMMANDS_MIN = 20_000


def test_hypothesis_plays_20_000_commands(servers: Servers, ruleset: Ruleset, library: Library) -> None:
    played = 0

    @settings(
        max_examples=GAMES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.lists(batches, min_size=40, max_size=60))
    def play(game: list[list[dict[str, Any]]]) -> None:
        nonlocal played
        twins = Twins(client, ruleset, empty_session(ruleset.hash), TEMPLATES, library)
        for batch in game:
            twins.step(encode(resolved(batch, twins.session)))
            played += len(batch)

    with redis.Redis.from_url(servers.redis.url) as client:
        play()
    assert played >= COMMANDS_MIN, played


def test_seeded_games(each_redis: redis.Redis, ruleset: Ruleset, library: Library) -> None:
    """Longer games, in which bags fill up; a failure names its seed and step."""
    for seed in range(8):
        rng = random.Random(seed)
        twins = Twins(each_redis, ruleset, empty_session(ruleset.hash), TEMPLATES, library)
        for step in range(400):
            size = rng.choice((1, 1, 1, 2, 4))
            batch = [random_command(rng, twins.session, index) for index in range(size)]
            try:
                twins.step(encode(batch))
            except AssertionError as error:
                error.add_note(f"seed {seed}, step {step}: {batch}")
                raise
