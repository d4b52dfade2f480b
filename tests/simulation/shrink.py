"""A smaller schedule that still fails: steps and weather are taken away as long as it does.

Whoever takes a step away shuffles the fates of all messages after it, so each candidate is tried
with a few kinds of luck.
"""

from collections.abc import Callable

import msgspec

from tests.simulation.network import Weather
from tests.simulation.plan import Plan

LUCKS = 12


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The smallest that was found; ``plan`` itself must fail."""
    plan = _calmer(plan, fails)
    size = max(1, len(plan.steps) // 2)
    while size:
        plan = _shorter(plan, fails, size)
        size //= 2
    return _calmer(plan, fails)


def _shorter(plan: Plan, fails: Callable[[Plan], bool], size: int) -> Plan:
    """Without as many runs of ``size`` steps as possible, the last ones first."""
    first = len(plan.steps) - size
    while first >= 0:
        steps = plan.steps[:first] + plan.steps[first + size :]
        plan = _failing(msgspec.structs.replace(plan, steps=steps), fails) or plan
        first = min(first, len(plan.steps)) - size
    return plan


def _calmer(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """With as few troubles of messages as possible."""
    for side in ("redis", "postgres"):
        for name in Weather.__struct_fields__:
            weather: Weather = getattr(plan, side)
            if name == "slow_s" or not getattr(weather, name):
                continue
            calmer = msgspec.structs.replace(weather, **{name: 0.0})
            plan = _failing(msgspec.structs.replace(plan, **{side: calmer}), fails) or plan
    return plan


def _failing(plan: Plan, fails: Callable[[Plan], bool]) -> Plan | None:
    """The plan with a luck under which it fails, if there is one among a few."""
    lucks = (plan.luck, *range(LUCKS))
    plans = (msgspec.structs.replace(plan, luck=luck) for luck in lucks)
    return next((candidate for candidate in plans if fails(candidate)), None)
