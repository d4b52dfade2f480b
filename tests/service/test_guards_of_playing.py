"""What calls and settles change, and when: each guard of session_execute and session_settle."""

import pytest

from tests.parity.world import CHAR_ID
from tests.service.node import IDLE_MS, INTERVAL_MS, Node, near


@pytest.mark.parametrize(
    ("field", "value", "catalog", "answer"),
    [
        ("status", '"CLOSING"', 1, ["RELOAD", "not live"]),
        ("status", '"QUARANTINED"', 1, ["RELOAD", "not live"]),
        ("gen", '"other:node"', 1, ["RELOAD", "node"]),
        ("ruleset", '"other"', 1, ["RELOAD", "ruleset"]),
        ("catalog", "1", 2, ["RELOAD", "catalog"]),
        ("catalog", "2", 1, ["STALE_CATALOG"]),
    ],
)
def test_commands_are_applied_only_to_what_this_call_is_about(
    node: Node, field: str, value: str, catalog: int, answer: list[str]
) -> None:
    node.open(1)
    node.client.hset(node.keys.session, field, value)
    before = node.everything()
    assert node.execute(catalog=catalog) == answer
    assert node.everything() == before


def test_no_session_no_commands(node: Node) -> None:
    assert node.execute() == ["RELOAD", "not live"]
    assert not node.client.keys("*session*")


def test_only_the_first_change_sets_when_it_is_due(node: Node) -> None:
    node.open(1)
    node.execute()
    assert near(node.due_in_ms(), INTERVAL_MS)
    node.client.zadd(node.keys.due, {CHAR_ID: 12345})
    dirty_since = node.client.hget(node.keys.session, "dirty_since")
    node.execute()
    assert node.client.zscore(node.keys.due, CHAR_ID) == 12345, "a lease, or an earlier turn, stays"
    assert node.client.hget(node.keys.session, "dirty_since") == dirty_since


@pytest.mark.parametrize("seq", [0, 1, 4])
def test_a_settle_that_does_not_fit_changes_nothing(node: Node, seq: int) -> None:
    node.open(1)
    for _ in range(3):
        node.execute()
    assert node.settle(1) == [3, 1]
    node.client.zadd(node.keys.due, {CHAR_ID: 12345})
    before = node.everything()
    assert node.settle(seq) == [3, 1]
    assert node.everything() == before


def test_what_is_left_after_a_settle_is_due_again(node: Node) -> None:
    node.open(1)
    node.execute()
    node.execute()
    node.client.zadd(node.keys.due, {CHAR_ID: 9e15})
    assert node.settle(1) == [2, 1]
    assert near(node.due_in_ms(), INTERVAL_MS)
    assert node.settle(2) == [2, 2]
    assert near(node.due_in_ms(), IDLE_MS)


def test_a_settle_of_another_epoch_trims_nothing(node: Node) -> None:
    """As one that was meant for the session on a node that another has taken over from since."""
    node.open(2)
    node.execute()
    assert node.settle(1, epoch=1) == [1, 0]
    assert node.settle(1, epoch=3) == [1, 0]
    assert node.settle(1, epoch=2) == [1, 1]
