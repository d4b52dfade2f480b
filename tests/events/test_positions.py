"""Ids of events: what they say, and that they tell an entry from any other."""

import json

import pytest
from msgspec import Raw
from msgspec.structs import replace

from engine.outcome import Changes
from engine.state import Actor, Item, Place
from gateway.http.condition_values import tag_of
from persistence.events.position import Position, change, position_after, reset
from persistence.records import JournalEntry

SWORD = Item("a" * 32, "sword", 1, Place("bag", 3))
ENTRY = JournalEntry(
    7, 1_700_000_000_123, "service", "r", "o", Raw(b'[{"op":"move","item_id":"x"},{"op":"use"}]'),
    Changes((SWORD,), ("b" * 32,), Actor(3, "mage", {"wit": 4, "strength": 2})),
)  # fmt: skip


def test_an_id_is_read_as_it_was_written() -> None:
    at = position_after(ENTRY, 2)
    assert (at.incarnation, at.seq, at.tag) == (2, 7, "2.7")
    assert Position.parse(str(at)) == at
    assert Position.parse(f'"{at}"') == at


def test_an_id_counts_as_a_tag_in_if_match() -> None:
    assert tag_of(str(position_after(ENTRY, 2)), "If-Match") == "2.7"


@pytest.mark.parametrize("text", ["0.0", '"12.345"', "0.17+4", '"0.17+4"'])
def test_tags_of_the_inventory_are_positions_without_a_check(text: str) -> None:
    at = Position.parse(text)
    assert (at.tag, at.check) == (text.strip('"').partition("+")[0], "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.",
        ".1",
        "1.x",
        "-1.2",
        "1.2+",
        "1.2+x",
        "01.2",
        "1.٣",
        '"1.2',
        "1.2 ",
        "1." + "9" * 16,
        "*",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Position.parse(text)


def test_a_check_tells_entries_apart() -> None:
    """By all that is kept of a call, whichever of it differs."""
    others = [
        replace(ENTRY, at=ENTRY.at + 1),
        replace(ENTRY, by="other"),
        replace(ENTRY, request_id=""),
        replace(ENTRY, op_id=""),
        replace(ENTRY, changes=Changes((SWORD,), ())),
        replace(ENTRY, changes=Changes((replace(SWORD, quantity=2),), ("b" * 32,), ENTRY.changes.actor)),
    ]
    checks = [position_after(entry, 0).check for entry in (ENTRY, *others)]
    assert len(set(checks)) == len(checks)
    assert {len(check) for check in checks} == {19}


def test_a_check_is_the_same_however_the_entry_was_kept() -> None:
    """PostgreSQL spells commands in its own way, and orders members of objects by their length."""
    actor = Actor(3, "mage", {"strength": 2, "wit": 4})
    kept = replace(
        ENTRY, commands=Raw(b'[{"item_id": "x", "op": "move"}]'), changes=replace(ENTRY.changes, actor=actor)
    )
    assert position_after(kept, 5).check == position_after(ENTRY, 2).check


def test_what_is_told() -> None:
    event = change(ENTRY, position_after(ENTRY, 2))
    assert event.name == "change"
    assert json.loads(event.data) == {
        "tag": "2.7",
        "seq": 7,
        "at": 1_700_000_000_123,
        "ops": ["move", "use"],
        "changes": {
            "changed": [
                {
                    "item_id": "a" * 32, "template_id": "sword", "quantity": 1,
                    "place": {"container": "bag", "slot": 3}, "bound": False, "locked": False, "held": False,
                }
            ],
            "removed": ["b" * 32],
            "actor": {"level": 3, "class": "mage", "attributes": {"wit": 4, "strength": 2}, "states": []},
        },
    }  # fmt: skip
    assert json.loads(reset(Position(2, 7), "lost").data) == {"tag": "2.7", "seq": 7, "reason": "lost"}
    assert b"\n" not in event.data


def test_commands_that_nobody_understands_keep_nobody_from_the_change() -> None:
    """One look is for all followers, so what is wrong with one entry must not end it."""
    odd = replace(ENTRY, commands=Raw(b'{"op": 7}'))
    told = json.loads(change(odd, position_after(odd, 2)).data)
    assert told["ops"] == [] and told["seq"] == ENTRY.seq
