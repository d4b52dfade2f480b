"""Profiles: each tries a few kinds of trouble, since all at once hide each other."""

from msgspec import Struct, field

from tests.simulation.network import Weather

_PLAY = {"call": 10, "look": 1, "load": 1, "save": 1, "evict": 1}
_CALM = Weather()
_WET = Weather(
    refused=0.05, lost=0.06, reply_lost=0.08, late=0.06, twice=0.06, slow=0.2, torn=0.3, slow_s=2.5
)
_WET_PG = Weather(refused=0.06, lost=0.06, reply_lost=0.1, late=0.06, slow=0.2, slow_s=2.5, held_s=0.4)


class Profile(Struct, frozen=True):
    """What a schedule is made of; ``faults`` are chances, halved for each further one of a kind."""

    name: str
    kinds: dict[str, int] = field(default_factory=lambda: dict(_PLAY))
    faults: dict[str, float] = {}
    calls: tuple[int, int] = (3, 9)
    length_ms: int = 2000
    characters: tuple[int, ...] = (1, 1, 2)
    gateways: int = 2
    flushing: tuple[bool, ...] = (True, True)
    redis: Weather = _CALM
    postgres: Weather = _CALM
    flush_interval_ms: int = 700
    idle_evict_ms: int = 60_000
    unflushed_max_ms: int = 30_000
    # Shares of calls that have these terms.
    op_id: float = 0.6
    durable: float = 0.2
    if_match: float = 0.2
    poisoned: float = 0.0
    hang_up: float = 0.0
    given_id: float = 0.05
    # Shares of commands that the engine carries out.
    sorts: float = 0.08


PROFILES = (
    Profile("messages", redis=_WET, postgres=_WET_PG, characters=(1, 2)),
    Profile(
        "crashes",
        faults={"die": 0.9, "stop": 0.5},
        redis=Weather(reply_lost=0.05, slow=0.2),
        postgres=_WET_PG,
    ),
    Profile(
        "evictions",
        calls=(4, 12),
        kinds={"call": 6, "evict": 4, "load": 2, "look": 1},
        faults={"die": 0.3},
        redis=_WET,
        postgres=Weather(refused=0.1, reply_lost=0.1, late=0.05, slow=0.2, held_s=0.2),
        idle_evict_ms=900,
        characters=(1,),
    ),
    Profile(
        "restarts",
        calls=(4, 12),
        faults={"restart": 0.5, "lost tail": 0.5, "library gone": 0.2, "die": 0.2},
        redis=Weather(late=0.05, twice=0.08, slow=0.2, slow_s=1.5, torn=0.2),
        postgres=Weather(reply_lost=0.05, late=0.06, slow=0.3, slow_s=1.0, held_s=0.2),
        characters=(1,),
    ),
    Profile(
        "failovers",
        calls=(5, 13),
        faults={"fail over": 0.9, "data gone": 0.3},
        redis=Weather(reply_lost=0.04, late=0.06, twice=0.06, slow=0.2, slow_s=1.5),
        postgres=Weather(slow=0.3, late=0.05, held_s=0.2, slow_s=1.0),
        characters=(1,),
        kinds={"call": 10, "look": 1, "load": 2, "evict": 6},
    ),
    Profile(
        "closes",
        faults={"fail over": 0.5, "data gone": 0.5, "lost tail": 0.3, "die": 0.3},
        redis=Weather(refused=0.15, lost=0.08, reply_lost=0.05, late=0.08, slow=0.3, slow_s=1.0),
        postgres=Weather(reply_lost=0.1, refused=0.2),
        characters=(1,),
        kinds={"call": 9, "evict": 9},
        calls=(6, 12),
        length_ms=1200,
    ),
    Profile(
        "zombies",
        calls=(8, 14),
        redis=Weather(late=0.12, twice=0.35, refused=0.03, slow=0.2, slow_s=1.2),
        postgres=Weather(reply_lost=0.05, refused=0.08, slow=0.1, slow_s=0.3),
        characters=(1,),
        kinds={"call": 7, "load": 2, "evict": 5},
        length_ms=1500,
        flush_interval_ms=300,
        idle_evict_ms=300,
    ),
    Profile(
        "hasty",
        calls=(14, 22),
        redis=Weather(refused=0.1, late=0.3, slow=0.3, slow_s=0.4),
        postgres=Weather(refused=0.7),
        characters=(1,),
        kinds={"call": 8, "evict": 16},
        length_ms=450,
        op_id=0.3,
        durable=0.0,
    ),
    Profile(
        "tails",
        calls=(5, 12),
        faults={"lost tail": 0.98},
        redis=Weather(late=0.1, twice=0.3, slow=0.3, slow_s=0.8),
        postgres=Weather(slow=0.2, slow_s=0.3),
        characters=(1,),
        kinds={"call": 10, "save": 4, "load": 2},
        length_ms=1200,
        durable=0.4,
    ),
    Profile(
        "late",
        redis=Weather(late=0.15, twice=0.15, slow=0.3, slow_s=40.0),
        postgres=Weather(late=0.05, slow=0.1, slow_s=5.0),
        kinds={"call": 8, "evict": 3, "load": 3, "look": 1},
        faults={"data gone": 0.3, "fail over": 0.3},
        length_ms=20_000,
        flush_interval_ms=5_000,
        characters=(1,),
    ),
    Profile(
        "outage",
        faults={"postgres away": 0.95, "redis away": 0.2, "full": 0.2, "clock": 0.1, "poison": 0.0},
        postgres=Weather(reply_lost=0.05),
        kinds={"call": 10, "evict": 2, "save": 1, "look": 1, "load": 1},
        length_ms=5000,
        flush_interval_ms=500,
        unflushed_max_ms=1500,
        characters=(1, 2),
    ),
    Profile(
        "poison",
        faults={"die": 0.2},
        poisoned=0.12,
        characters=(2, 3),
        redis=Weather(reply_lost=0.03),
        postgres=Weather(reply_lost=0.05, held_s=0.1),
        kinds={"call": 10, "save": 2, "evict": 1},
    ),
    Profile(
        "rivals",
        kinds={"call": 16, "look": 1, "load": 1, "evict": 1},
        calls=(6, 12),
        length_ms=800,
        flushing=(True, False),
        redis=Weather(slow=0.3, slow_s=0.3, reply_lost=0.05),
        postgres=Weather(held_s=0.3),
        characters=(1,),
        if_match=0.4,
        hang_up=0.15,
    ),
    Profile(
        "catalogs",
        kinds={"call": 12, "look": 1, "load": 1},
        faults={"catalog": 0.95},
        calls=(6, 12),
        length_ms=500,
        redis=Weather(slow=0.4, slow_s=0.2),
        characters=(1,),
        sorts=0.4,
        op_id=0.3,
    ),
    Profile(
        "ghosts",
        calls=(6, 14),
        faults={"data gone": 0.3, "fail over": 0.4, "restart": 0.4, "ghost": 0.9},
        redis=Weather(late=0.05, twice=0.4, slow=0.25, slow_s=0.8),
        postgres=Weather(slow=0.2, slow_s=0.5),
        characters=(1,),
        durable=0.5,
        length_ms=1500,
        kinds={"call": 8, "save": 2, "load": 1, "evict": 1},
    ),
)

BY_NAME = {profile.name: profile for profile in PROFILES}
