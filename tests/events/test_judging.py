"""What comes next for a follower, in every case that there is."""

import json

import pytest
from msgspec import Raw

from engine.outcome import Changes
from persistence.events.judging import (
    BEGAN,
    DROPPED,
    LOST,
    PAGE,
    PAGE_BYTES,
    WAIT,
    Present,
    Step,
    judge,
    read_after,
)
from persistence.events.position import Position, position_after
from persistence.records import JournalEntry


def entry(seq: int, life: int = 0, text: str = "") -> JournalEntry:
    """The entry of a seq in one of several lives, which differ in what they hold."""
    commands = Raw(json.dumps([{"op": f"move{text}"}]).encode())
    return JournalEntry(seq, 1000 * life + seq, "", "", "", commands, Changes((), ()))


def told(seq: int, life: int = 0, incarnation: int = 0) -> Position:
    """Where a follower is that was told of it."""
    return position_after(entry(seq, life), incarnation)


def seqs(step: Step) -> list[int]:
    return [event.position.seq for event in step.events]


def entries(first: int, last: int, life: int = 0) -> list[JournalEntry]:
    return [entry(seq, life) for seq in range(first, last + 1)]


SESSION = Present(0, 9, 6)
NEXT_SESSION = Present(1, 9, 6)
STORED = Present(1, 9, 9, line=0)
UNCLEAR = Present(1, 9, 9, line=0, settled=False)


@pytest.mark.parametrize("present", [SESSION, NEXT_SESSION, STORED, UNCLEAR])
def test_who_was_told_of_an_entry_that_is_there_goes_on(present: Present) -> None:
    """Whatever has become of the incarnation."""
    step = judge(told(5), present, entries(5, 9))
    assert seqs(step) == [6, 7, 8, 9]
    assert step.position == told(9, incarnation=present.incarnation)
    assert [event.position for event in step.events][-1] == step.position


@pytest.mark.parametrize("present", [SESSION, STORED, UNCLEAR])
def test_a_bare_tag_of_this_incarnation_will_do(present: Present) -> None:
    """Of the session, or of the one whose flush was the last."""
    assert seqs(judge(Position(0, 5), present, entries(6, 9))) == [6, 7, 8, 9]


def test_a_bare_tag_of_another_incarnation_is_not_enough() -> None:
    assert judge(Position(0, 5), NEXT_SESSION, entries(5, 9)) == Step(lost=LOST)


@pytest.mark.parametrize("present", [SESSION, NEXT_SESSION, STORED])
def test_another_entry_under_the_seq_is_a_loss(present: Present) -> None:
    assert judge(told(5, life=1), present, entries(5, 9)) == Step(lost=LOST)


@pytest.mark.parametrize("present", [SESSION, NEXT_SESSION, STORED])
def test_a_seq_beyond_the_present_is_a_loss(present: Present) -> None:
    assert judge(told(10), present, entries(6, 9)) == Step(lost=LOST)


def test_nothing_is_lost_while_a_session_may_still_count() -> None:
    for position in (told(10), told(5, life=1), Position(7, 5)):
        assert judge(position, UNCLEAR, entries(5, 9)) is WAIT


@pytest.mark.parametrize("present", [SESSION, NEXT_SESSION, STORED, UNCLEAR])
def test_the_very_beginning_is_everybodys(present: Present) -> None:
    """There is no entry before the first that could have been another."""
    assert seqs(judge(Position(5, 0), present, entries(1, 9))) == list(range(1, 10))
    assert read_after(Position(5, 0), present) == 0


def test_a_position_takes_on_the_incarnation_it_was_found_in() -> None:
    """So it need not be looked up again, and is told from the next one's."""
    step = judge(told(9), STORED, entries(9, 9))
    assert step == Step(position=told(9, incarnation=1))
    assert judge(told(9), UNCLEAR, entries(9, 9)) == Step(position=told(9))


@pytest.mark.parametrize("present", [SESSION, NEXT_SESSION, STORED])
def test_what_the_ledger_has_dropped_is_told(present: Present) -> None:
    assert judge(told(2), present, entries(5, 9)) == Step(lost=DROPPED)


def test_what_is_on_its_way_to_postgresql_is_waited_for() -> None:
    """Pushed and trimmed between two questions, it may be in neither answer."""
    assert judge(told(7), SESSION, [entry(9)]) == Step(position=told(7))
    assert judge(told(7), NEXT_SESSION, [entry(9)]) is WAIT


def test_events_come_by_pages() -> None:
    present = Present(0, 3 * PAGE, 0)
    step = judge(Position(0, 0), present, entries(1, 3 * PAGE))
    assert seqs(step) == list(range(1, PAGE + 1))
    large = [entry(seq, text="x" * (PAGE_BYTES // 3)) for seq in range(1, 9)]
    assert seqs(judge(Position(0, 0), Present(0, 8, 0), large)) == [1, 2, 3]


def test_who_begins_is_told_where_the_character_is() -> None:
    step = judge(None, SESSION, [entry(9)], BEGAN)
    assert step.position == told(9)
    assert [json.loads(event.data) for event in step.events] == [{"tag": "0.9", "seq": 9, "reason": "began"}]
    # The entry itself may have been dropped; a bare tag is told then.
    assert judge(None, STORED, [], LOST).position == Position(1, 9)
    assert judge(None, Present(0, 0, 0), [], BEGAN).position == Position(0, 0)


@pytest.mark.parametrize(
    ("position", "present", "after"),
    [
        (None, SESSION, 8),
        (told(5), SESSION, 5),
        (told(5), NEXT_SESSION, 4),
        (Position(0, 5), STORED, 5),
        (told(5, incarnation=3), STORED, 4),
    ],
)
def test_what_has_to_be_read(position: Position | None, present: Present, after: int) -> None:
    """The entry that was told last is read again only where it is in question."""
    assert read_after(position, present) == after
