"""When a suspicion becomes certain, reading by reading."""

from persistence.audit.findings import LEDGER, REPLAY, Note, Violation
from persistence.audit.settling import Seen, Settling

A, B = "a", "b"
REPLAYED, GAP = Violation(REPLAY, A, "items"), Violation(LEDGER, A, "a gap")
FIRST, LATER = ("node", 1, 0, 5), ("node", 1, 0, 6)


def test_what_is_settled_is_not_read_again() -> None:
    assert Settling([Seen(A, [])]).char_ids == []
    assert Settling([Seen(B, [], overtaken=True), Seen(A, [REPLAYED])]).char_ids == [A, B]


def test_only_what_was_suspected_before_is_certain() -> None:
    settling = Settling([Seen(A, [REPLAYED])])
    assert list(settling.again([Seen(A, [REPLAYED, GAP])])) == [REPLAYED]
    assert list(settling.again([Seen(A, [REPLAYED, GAP])])) == [GAP], "and nothing is told twice"
    assert settling.char_ids == []


def test_a_suspicion_that_comes_after_being_overtaken_is_new() -> None:
    settling = Settling([Seen(A, [], overtaken=True, stands=FIRST)])
    assert list(settling.again([Seen(A, [REPLAYED], stands=LATER)])) == []
    assert list(settling.again([Seen(A, [], stands=LATER)])) == []
    assert settling.char_ids == []


def test_one_that_goes_on_is_not_behind_and_one_that_stands_still_is() -> None:
    settling = Settling([Seen(A, [], overtaken=True, stands=FIRST)])
    assert list(settling.again([Seen(A, [], overtaken=True, stands=LATER, stored_seq=7)])) == []
    assert [note.kind for note in settling.end()] == ["not settled"]
    (found,) = settling.again([Seen(A, [], overtaken=True, stands=LATER, stored_seq=9, playable=True)])
    assert found == Violation(REPLAY, A, "its session is at 6, and PostgreSQL is ahead of it, at 9")
    assert list(settling.end()) == []


def test_one_that_nobody_can_play_may_be_behind() -> None:
    settling = Settling([Seen(A, [], overtaken=True, stands=FIRST)])
    (found,) = settling.again([Seen(A, [], overtaken=True, stands=FIRST, stored_seq=9)])
    assert isinstance(found, Note) and found.kind == "behind"


def test_one_that_has_gone_is_forgotten() -> None:
    settling = Settling([Seen(A, [REPLAYED]), Seen(B, [], overtaken=True)])
    assert list(settling.again([])) == []
    assert settling.char_ids == [] and list(settling.end()) == []
