"""Each guard of the protocol, taken away: some schedule has to notice, or it guards nothing here."""

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.plan import make_plan
from tests.simulation.profiles import BY_NAME
from tests.simulation.running import run


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_is_missed(mutant: Mutant) -> None:
    changed, profile = mutant.changed(), BY_NAME[mutant.profile]
    with mutant.patched():
        for seed in (mutant.hint, *range(mutant.schedules)):
            if run(make_plan(seed, profile), changed=changed).violation is not None:
                return
    pytest.fail(f"{mutant.schedules} schedules do not miss it: {mutant.name}")
