"""The protocol as it is meant to be has no violation; without any one of its guards it has.

``python -m tests.model return --without gen_includes_replid`` prints a counterexample.
"""

import pytest

from tests.model.configurations import CONFIGURATIONS
from tests.model.explore import explore
from tests.model.guards import NAMES, without
from tests.model.properties import BACKWARDS, ITEM, LOST, QUEUE, SETTLED, TAG, TWICE
from tests.model.recovery import STUCK

# A guard, a configuration in which it is needed, and what goes wrong there first without it.
MUTANTS = [
    ("adopt_not_overwrite", "flush", LOST),
    ("adopt_own_line_only", "return", SETTLED),
    ("older_epoch_changes_nothing", "flush", BACKWARDS),
    ("fence", "evict", TAG),
    ("snapshot_bound_to_gen", "failover", TAG),
    ("snapshot_age", "evict", TAG),
    ("gen_includes_replid", "return", TAG),
    ("incarnation_on_load_of_open_character", "failover", TAG),
    ("incarnation_on_adopt_of_returned_node", "failover", TAG),
    ("operations_restored_by_load", "evict", TWICE),
    ("adopt_under_own_epoch", "return", TAG),
    ("gen_checked_by_apply", "failover", SETTLED),
    ("known_operation_is_replayed", "flush", TWICE),
    ("operation_in_the_same_step", "flush", TWICE),
    ("dirty_is_due", "flush", QUEUE),
    ("epoch_guard", "failover", SETTLED),
    ("seq_guard", "flush", TWICE),
    ("conditional_settle", "flush", SETTLED),
    ("settle_of_own_epoch", "return", SETTLED),
    ("rest_is_due", "flush", QUEUE),
    ("lease_expires", "flush", STUCK),
    ("overtaken_flush_loads", "flush", STUCK),
    # Status and epoch are there for the player: a session at the seq that PostgreSQL has loses nothing.
    ("conditional_delete", "evict", LOST),
    ("delete_at_seq", "close", LOST),
    ("resume_of_close", "close", STUCK),
    ("cancel_of_close", "close", STUCK),
    ("noted_closed_after_delete", "close, failover", TAG),
    ("returned_node_is_not_noted_closed", "close, failover", TAG),
    ("held_stays", "trade, A fails", ITEM),
    ("hold_once", "trade, A fails", TWICE),
    ("durable_holds", "trade, A fails", ITEM),
    ("commit_once", "trade, A fails", ITEM),
    ("abort_after_deadline", "trade, A fails", STUCK),
]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_order_of_events_breaks_the_protocol(name: str) -> None:
    found = explore(CONFIGURATIONS[name])
    assert found.violation is None, str(found)
    assert found.states > 1000, "the configuration has become trivial"


@pytest.mark.parametrize(
    ("guard", "configuration", "violation"), MUTANTS, ids=[guard for guard, _, _ in MUTANTS]
)
def test_without_this_guard_there_is_a_counterexample(guard: str, configuration: str, violation: str) -> None:
    found = explore(CONFIGURATIONS[configuration], without(guard), liveness=violation == STUCK)
    assert found.violation is not None, "the guard is needed for nothing"
    assert found.violation.startswith(violation), str(found)


def test_commands_in_a_close_are_stopped_twice() -> None:
    """Either guard makes the other redundant where no close is cancelled, so only the pair shows it."""
    for guard in ("close_stops_commands", "delete_at_seq"):
        assert explore(CONFIGURATIONS["evict"], without(guard)).violation is None
    found = explore(CONFIGURATIONS["evict"], without("close_stops_commands", "delete_at_seq"), liveness=False)
    assert found.violation == LOST, str(found)


def test_every_guard_has_its_mutant() -> None:
    assert {*NAMES} == {guard for guard, _, _ in MUTANTS} | {"close_stops_commands"}
