"""The service's own tests, once more: play, flush, eviction, loads, operation ids, with the least rights.

They are taken over by name; the fixtures that they ask for are those of this folder.
"""

from tests.service.test_cold_commands import (
    test_an_id_from_elsewhere_is_one_characters_for_good,
    test_sorted_flushed_and_loaded_again,
)
from tests.service.test_lifecycle import (
    test_a_graceful_stop_flushes,
    test_a_missing_library_is_loaded_again,
    test_another_ruleset_takes_live_sessions_over,
    test_durable_replies_are_in_postgresql,
    test_idle_sessions_are_evicted,
    test_loads_at_once_make_one_session,
    test_operation_ids_are_applied_once,
    test_played_flushed_evicted_and_loaded_again,
    test_refusals_change_nothing,
)
from tests.service.test_operations import (
    test_a_repeat_after_eviction_gets_the_same_bytes,
    test_a_repeat_after_the_loss_of_redis_gets_the_same_bytes,
)

__all__ = [
    "test_a_graceful_stop_flushes",
    "test_a_missing_library_is_loaded_again",
    "test_a_repeat_after_eviction_gets_the_same_bytes",
    "test_a_repeat_after_the_loss_of_redis_gets_the_same_bytes",
    "test_an_id_from_elsewhere_is_one_characters_for_good",
    "test_another_ruleset_takes_live_sessions_over",
    "test_durable_replies_are_in_postgresql",
    "test_idle_sessions_are_evicted",
    "test_loads_at_once_make_one_session",
    "test_operation_ids_are_applied_once",
    "test_played_flushed_evicted_and_loaded_again",
    "test_refusals_change_nothing",
    "test_sorted_flushed_and_loaded_again",
]
