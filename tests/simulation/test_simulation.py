"""Twenty thousand schedules, and that they meet everything that may be answered."""

import re
from collections import Counter

from lua.library import Library
from tests.simulation.campaign import campaign
from tests.simulation.mutants import MUTANTS
from tests.simulation.plan import make_plan
from tests.simulation.profiles import BY_NAME
from tests.simulation.running import run
from tests.simulation.schedule import library
from tests.simulation.shrink import shrink

SCHEDULES = 20_000


def answers_of(known: Library) -> set[tuple[str, str]]:
    """Every answer that the headers of functions name by a word."""
    return {
        (name, word)
        for name, contract in known.contracts.items()
        for word in re.findall(r'"([A-Z_]+)"', contract.returns)
    }


def test_no_schedule_breaks_an_invariant_and_every_answer_is_met() -> None:
    done, failed, met = 0, [], Counter[tuple[str, str]]()
    for part in campaign(0, SCHEDULES):
        done += part.schedules
        failed += part.failed
        met += part.answers
    assert failed == [], "python -m tests.simulation --shrink --seed N tells one of them"
    assert done == SCHEDULES
    wanted = answers_of(library()) | {("session_settle", "seqs"), ("session_settle", "nothing")}
    assert wanted <= set(met)


def test_a_seed_is_the_same_schedule_each_time() -> None:
    for seed in range(len(BY_NAME)):
        told: list[list[str]] = [[], []]
        for lines in told:
            run(make_plan(seed), trace=lines.append)
        assert told[0] == told[1]
        assert len(told[0]) > 20


def test_a_failing_schedule_is_made_smaller_and_still_fails() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "operations are done again")

    def fails(plan: object) -> bool:
        return run(plan, changed=mutant.changed()).violation is not None  # type: ignore[arg-type]

    plans = (make_plan(seed, BY_NAME[mutant.profile]) for seed in range(100))
    plan = next(plan for plan in plans if fails(plan))
    small = shrink(plan, fails)
    assert fails(small)
    assert len(small.steps) < len(plan.steps)
