"""What ends a session, and who may: each guard of session_close and work_claim."""

from tests.parity.world import CHAR_ID
from tests.service.node import LEASE_MS, Node, near


def test_a_settle_leaves_the_lease_of_a_close(node: Node) -> None:
    node.open(1)
    node.execute()
    node.close("begin")
    assert node.settle(1) == [1, 1]
    assert near(node.due_in_ms(), LEASE_MS)


def test_a_close_begins_only_at_the_seq_it_was_meant_for(node: Node) -> None:
    node.open(1)
    node.execute()
    assert node.close("begin", seq=0) == "CHANGED"
    assert node.execute()[0] == "OK"
    assert node.close("begin", seq=2) == "OK"
    assert node.execute() == ["RELOAD", "not live"]
    assert near(node.due_in_ms(), LEASE_MS)


def test_a_close_finishes_only_what_it_began(node: Node) -> None:
    node.open(1)
    node.execute()
    assert node.close("finish", seq=1) == "CHANGED", "it is not closing"
    node.close("begin")
    assert node.close("finish", epoch=2, seq=1) == "CHANGED", "another one's epoch"
    assert node.close("finish", seq=0) == "CHANGED", "another seq was flushed"
    assert node.client.exists(node.keys.session)


def test_a_finished_close_leaves_only_the_fence(node: Node) -> None:
    node.open(3)
    node.execute(op_id="x")
    node.close("begin", epoch=3)
    assert node.close("finish", epoch=3, seq=1) == "OK"
    assert node.client.keys("*") == [node.keys.fence.encode()]
    assert node.client.get(node.keys.fence) == b"3"
    assert 3000 < node.client.ttl(node.keys.fence) <= 3600


def test_a_fence_never_goes_down(node: Node) -> None:
    node.open(3)
    node.client.set(node.keys.fence, 7)
    node.close("begin", epoch=3)
    node.close("finish", epoch=3, seq=0)
    assert node.client.get(node.keys.fence) == b"7"
    assert node.open(7) == "REJECT"
    assert node.open(8) == "CREATED"


def test_a_cancelled_close_is_live_again(node: Node) -> None:
    node.open(1)
    node.close("begin")
    assert node.close("cancel", epoch=2) == "CHANGED", "another one's close"
    assert node.close("cancel") == "OK"
    assert node.execute()[0] == "OK"


def test_closing_what_is_not_there_takes_it_off_the_queue(node: Node) -> None:
    node.client.zadd(node.keys.due, {CHAR_ID: 1})
    assert node.close("begin") == "ABSENT"
    assert node.due_in_ms() is None


def test_a_quarantined_session_is_neither_closed_nor_claimed(node: Node) -> None:
    node.open(1)
    node.execute()
    assert node.close("quarantine") == "OK"
    assert node.due_in_ms() is None
    assert node.close("begin") == "CHANGED"
    assert node.client.llen(node.keys.journal) == 1
    assert node.open(2) == "ADOPTED", "released, it is played on"


def test_a_claim_is_a_lease(node: Node) -> None:
    node.client.zadd(node.keys.due, {"late": 2, "later": 3, "latest": 9e15})
    assert node.call("work_claim", 1, LEASE_MS, 0) == ["late"]
    assert node.call("work_claim", 10, LEASE_MS, 0) == ["later"]
    assert node.call("work_claim", 10, LEASE_MS, 0) == []
    assert sorted(node.call("work_claim", 10, LEASE_MS, LEASE_MS + 1000)) == ["late", "later"]


def test_a_quarantined_session_is_discarded_only_as_it_was_seen(node: Node) -> None:
    node.open(4)
    node.execute()
    assert node.close("discard", 4, 1) == "CHANGED", "it is live"
    node.close("quarantine")
    assert node.close("discard", 3, 1) == "CHANGED"
    assert node.close("discard", 4, 0) == "CHANGED"
    assert node.close("finish", 4, 1) == "CHANGED"
    assert node.close("discard", 4, 1) == "OK"
    assert node.everything() == [{}, [], {}, b"4", None]
    assert node.close("discard", 0, 0, 6) == "ABSENT"
    assert node.open(6) == "REJECT", "it was begun before"


def test_a_close_tells_whether_the_session_was_of_this_node(node: Node) -> None:
    for of_this_node in (1, 0):
        node.open(2 - of_this_node)
        if not of_this_node:
            node.client.hset(node.keys.session, "gen", '"before:restart"')
        node.close("begin")
        reply = node.call("session_close", "finish", 2 - of_this_node, 0, LEASE_MS, 0)
        assert reply[0] == "OK" and reply[4] == of_this_node


def test_a_late_settle_does_not_bring_a_quarantined_session_back_into_the_queue(node: Node) -> None:
    node.open(1)
    node.execute()
    node.execute()
    node.close("quarantine")
    assert node.settle(1) == [2, 1]
    assert node.due_in_ms() is None


def test_only_what_is_closing_is_resumed(node: Node) -> None:
    node.open(1)
    before = node.everything()
    assert node.close("resume") == "CHANGED"
    assert node.everything() == before
    node.close("begin")
    assert node.close("resume") == "OK"
    assert near(node.due_in_ms(), LEASE_MS)
    node.close("finish", 1, 0)
    assert node.close("resume") == "ABSENT"
