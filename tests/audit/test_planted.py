"""One planted violation of each kind: it is found, it is named, and nothing else is said to be wrong."""

from collections.abc import Awaitable, Callable

import pytest

from persistence.audit.findings import (
    JOURNAL,
    LEDGER,
    LEFTOVERS,
    OPERATIONS,
    OWNERSHIP,
    PLACES,
    QUEUE,
    RECOUNT,
    REPLAY,
    TOTALS,
)
from tests.audit import plants
from tests.audit.conftest import CLEAN, DIRTY, EVICTED, Stored

Plant = Callable[[Stored], Awaitable[None]]


@pytest.mark.parametrize(
    ("plant", "violated", "char_id"),
    [
        (plants.two_items_in_a_place, {PLACES, REPLAY, RECOUNT}, CLEAN),
        (plants.no_constraint_of_places, {PLACES}, ""),
        (plants.one_instance_in_two_sessions, {OWNERSHIP}, DIRTY),
        (plants.another_s_item, {OWNERSHIP, REPLAY, TOTALS}, CLEAN),
        (plants.baseline_that_counts_wrong, {TOTALS}, EVICTED),
        (plants.baseline_with_other_items, {REPLAY}, EVICTED),
        (plants.entry_missing, {LEDGER}, EVICTED),
        (plants.first_entry_missing, {LEDGER}, EVICTED),
        (plants.last_entry_missing, {LEDGER}, EVICTED),
        (plants.entry_twice, {LEDGER}, EVICTED),
        (plants.ledger_open_to_change, {LEDGER}, ""),
        (plants.epoch_ahead, {LEDGER}, CLEAN),
        (plants.flushed_ahead, {LEDGER}, CLEAN),
        (plants.journal_too_short, {JOURNAL, REPLAY}, DIRTY),
        (plants.flushed_beyond_the_end, {JOURNAL}, DIRTY),
        (plants.item_altered, {REPLAY}, EVICTED),
        (plants.item_lost, {REPLAY, TOTALS}, EVICTED),
        (plants.session_altered, {REPLAY}, CLEAN),
        (plants.actor_altered, {REPLAY}, EVICTED),
        (plants.session_actor_altered, {REPLAY}, DIRTY),
        (plants.session_behind, {REPLAY}, CLEAN),
        (plants.operation_forgotten, {OPERATIONS}, CLEAN),
        (plants.operation_cannot_be_read, {OPERATIONS}, CLEAN),
        (plants.unflushed_operation_otherwise, {OPERATIONS}, DIRTY),
        (plants.operation_otherwise_in_postgresql, {OPERATIONS}, CLEAN),
        (plants.operation_done_twice, {OPERATIONS}, EVICTED),
        (plants.dirty_without_a_turn, {QUEUE}, DIRTY),
        (plants.live_without_a_turn, {QUEUE}, CLEAN),
        (plants.dirty_since_nothing, {QUEUE}, DIRTY),
        (plants.total_wrong, {RECOUNT}, CLEAN),
        (plants.session_unreadable, {RECOUNT}, CLEAN),
        (plants.session_of_another_type, {RECOUNT}, CLEAN),
        (plants.this_week_missing, {RECOUNT}, ""),
        (plants.session_without_a_character, {LEFTOVERS}, plants.NOBODY),
        (plants.journal_without_a_session, {LEFTOVERS}, EVICTED),
        (plants.turn_without_a_session, {LEFTOVERS}, EVICTED),
        (plants.key_of_other_shards, {LEFTOVERS}, ""),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_it_is_found(stored: Stored, plant: Plant, violated: set[int], char_id: str) -> None:
    before = await stored.audit()
    assert before.clean and not before.notes, before.violations
    await plant(stored)
    report = await stored.audit()
    assert set(report.violated) == violated, report.violations
    assert {one.char_id for one in report.violations} >= {char_id}


async def test_a_baseline_takes_the_place_of_what_is_before_it(stored: Stored) -> None:
    await plants.baseline(stored)
    await plants.dropped(stored)
    report = await stored.audit()
    assert report.clean, report.violations
    assert report.sums["entries"] == 7


async def test_a_baseline_in_the_middle_covers_a_single_gap(stored: Stored) -> None:
    """Clocks that disagree put entries into weeks out of order, so a dropped week can leave a hole."""
    await plants.baseline(stored)
    await plants.dropped(stored)
    await stored.ledger_of(
        EVICTED,
        "INSERT INTO journal SELECT char_id, 1, at, by, '', '', '[]', '{{}}' FROM journal"
        " WHERE char_id = '{char_id}' AND seq = 3",
    )
    assert await stored.violated() == set()
