"""A small campaign, so that what finds faults is itself known to work."""

from tests.chaos.campaign import Plan, run


async def test_a_small_campaign() -> None:
    plan = Plan(seed=1, seconds=18, destroying_s=5, characters=40, clients=10, gateways=2, flushers=1)
    assert await run(plan)
