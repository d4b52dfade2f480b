"""A schedule: who does what when, and what goes wrong. A seed makes one; the shrinker takes parts away."""

from random import Random

import msgspec
from msgspec import Struct

from tests.simulation.network import Weather
from tests.simulation.profiles import PROFILES, Profile


class Step(Struct, frozen=True):
    """One thing that somebody does at a time; ``seed`` makes the details, so others may vanish.

    ``kind``: "call", "look", "load", "save", "evict", "die", "stop", "restart", "lost tail", "data gone",
    "fail over", "library gone", "redis away", "postgres away", "full", "clock",
    "catalog", "ghost".
    """

    at_ms: int
    kind: str
    who: int
    char: int
    seed: int


class Plan(Struct, frozen=True):
    """All of a schedule."""

    seed: int
    profile: str
    characters: int
    gateways: int
    steps: tuple[Step, ...]
    redis: Weather
    postgres: Weather
    # Decides the fates of messages, and who is next.
    luck: int


def make_plan(seed: int, profile: Profile | None = None) -> Plan:
    """The plan of a seed; profiles take turns."""
    rng = Random(seed)
    if profile is None:
        profile = PROFILES[seed % len(PROFILES)]
    characters = rng.choice(profile.characters)
    steps: list[Step] = []
    for _ in range(rng.randint(*profile.calls)):
        kind = rng.choices(tuple(profile.kinds), tuple(profile.kinds.values()))[0]
        steps.append(_step(rng, profile, kind, characters))
    for kind, chance in profile.faults.items():
        while rng.random() < chance:
            steps.append(_step(rng, profile, kind, characters))
            chance *= 0.5
    steps.sort(key=lambda step: step.at_ms)
    return Plan(
        seed,
        profile.name,
        characters,
        profile.gateways,
        tuple(steps),
        _weather(rng, profile.redis),
        _weather(rng, profile.postgres),
        rng.getrandbits(32),
    )


def _step(rng: Random, profile: Profile, kind: str, characters: int) -> Step:
    # What is close together meets more often than what is spread evenly.
    at_ms = int(profile.length_ms * rng.random() ** 1.5)
    return Step(at_ms, kind, rng.randrange(profile.gateways), rng.randrange(characters), rng.getrandbits(32))


def _weather(rng: Random, worst: Weather) -> Weather:
    """Some of the faults, since all at once hide each other."""
    chosen = {
        name: getattr(worst, name) * rng.random() if rng.random() < 0.6 else 0.0
        for name in ("refused", "lost", "reply_lost", "late", "twice", "slow", "torn")
    }
    return msgspec.structs.replace(worst, **chosen, held_s=worst.held_s * rng.choice((0, 0, 1)))
