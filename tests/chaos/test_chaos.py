"""A small campaign, so that what finds faults is itself known to work."""

from tests.chaos.campaign import Plan, run


async def test_a_small_campaign() -> None:
    """A fault every half second, and some that last: there are always a few at once."""
    plan = Plan(
        seed=1, seconds=6, destroying_s=3, characters=40, clients=10, gateways=2, flushers=1, pause_s=0.5
    )
    assert await run(plan)
