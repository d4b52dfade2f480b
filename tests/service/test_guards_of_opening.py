"""What a load installs, adopts or leaves as it is: each guard of session_open and session_adopt."""

import json
import time

import msgspec
import pytest

from engine.state import Item, Place
from persistence.sessions.session_fields import session_of
from tests.parity.world import CHAR_ID, TEMPLATES, empty_session
from tests.service.node import IDLE_MS, Node, near


def test_a_created_session_starts_clean_and_is_due_when_idle(node: Node) -> None:
    node.client.rpush(node.keys.journal, "left over")
    node.client.hset(node.keys.done, "op:x", "left over")
    assert node.open(1) == "CREATED"
    assert not node.client.exists(node.keys.journal, node.keys.done)
    assert near(node.due_in_ms(), IDLE_MS)


def test_a_session_of_thousands_of_items_is_written_whole(node: Node) -> None:
    """Lua hands at most some 8,000 values to one command."""
    items = {
        f"{slot:032x}": Item(f"{slot:032x}", "dagger", 1, Place("overflow", slot)) for slot in range(5000)
    }
    facts = {"dagger": TEMPLATES["dagger"]}
    session = msgspec.structs.replace(empty_session(""), items=items, facts=facts)
    assert node.open(1, session=session) == "CREATED"
    fields = node.client.hgetall(node.keys.session)
    assert len(fields) > 10_000
    assert session_of(CHAR_ID, fields).items == items


@pytest.mark.parametrize(("epoch", "seq"), [(1, 0), (2, 0), (2, 9)])
def test_an_epoch_that_is_not_newer_changes_nothing(node: Node, epoch: int, seq: int) -> None:
    node.open(2)
    node.execute()
    before = node.everything()
    assert node.open(epoch, seq) == "KEPT"
    assert node.everything() == before


def test_a_replaced_session_forgets_operations_and_sets_its_journal_aside(node: Node) -> None:
    node.open(1)
    node.execute(op_id="x")
    assert node.open(2, 5, incarnation=1) == "REPLACED"
    assert not node.client.exists(node.keys.done, node.keys.journal)
    assert node.client.llen(node.keys.incident) == 1
    assert near(node.due_in_ms(), IDLE_MS)


def test_an_adopted_session_keeps_what_is_newer_and_is_due_at_once(node: Node) -> None:
    node.open(1)
    for _ in range(3):
        node.execute(op_id=f"op-{node.calls}")
    node.client.zadd(node.keys.due, {CHAR_ID: 9e15})
    assert node.open(2, 2) == "ADOPTED"
    assert node.client.llen(node.keys.journal) == 1
    assert node.client.exists(node.keys.done)
    assert near(node.due_in_ms(), 0)


def test_a_dirty_session_is_never_written_anew(node: Node) -> None:
    """Other facts or rules must wait until PostgreSQL has all of it."""
    node.open(1)
    node.execute()
    assert node.open(2, 0, catalog=2) == "ADOPTED"
    assert node.client.hget(node.keys.session, "count:gold") == b"1"
    assert node.open(3, 1, catalog=2) == "REFRESHED"


def test_an_adopted_clean_session_is_due_when_idle(node: Node) -> None:
    node.open(1)
    node.execute()
    assert node.open(2, 1) == "ADOPTED"
    assert node.client.hget(node.keys.session, "dirty_since") is None
    assert near(node.due_in_ms(), IDLE_MS)


def test_a_promoted_node_is_noticed(node: Node) -> None:
    """Its run_id stays what it was, so the gen has the replication id as well, and is read anew."""
    node.open(1)
    before = node.call("session_probe")[0]
    run_id, replid = before.split(":")
    assert run_id == node.client.info("server")["run_id"]
    assert replid == node.client.info("replication")["master_replid"]
    node.client.execute_command("DEBUG", "CHANGE-REPL-ID")
    deadline = time.monotonic() + 5
    while node.call("session_probe")[0] == before:
        assert time.monotonic() < deadline, "the gen is never read again"
        time.sleep(0.01)
    assert node.execute() == ["RELOAD", "node"]


def test_incidents_are_added_to_each_other(node: Node) -> None:
    node.open(1)
    node.execute()
    node.open(2, 5)
    node.execute()
    node.execute()
    assert node.open(3, 9) == "REPLACED"
    texts = node.client.lrange(node.keys.incident, 0, -1)
    assert [json.loads(text)["seq"] for text in texts] == [1, 6, 7]


def test_adopting_takes_the_epoch_and_leaves_the_rest(node: Node) -> None:
    node.open(1)
    for _ in range(3):
        node.execute()
    before = node.client.hgetall(node.keys.session)
    assert node.adopt(2, 2, incarnation=7) == "ADOPTED"
    after = node.client.hgetall(node.keys.session)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {b"epoch", b"flushed_seq"}
    assert node.client.llen(node.keys.journal) == 1
    assert near(node.due_in_ms(), 0)


def test_adopting_on_a_node_that_came_back_takes_the_incarnation(node: Node) -> None:
    node.open(1)
    node.client.hset(node.keys.session, "gen", '"before:restart"')
    assert node.adopt(2, incarnation=7) == "ADOPTED"
    assert node.client.hget(node.keys.session, "incarnation") == b"7"
    assert node.execute()[0] == "OK"


def test_what_cannot_be_adopted_stays_as_it_is(node: Node) -> None:
    assert node.adopt(1) == "ABSENT"
    node.open(2)
    node.execute()
    before = node.everything()
    assert node.adopt(2) == "KEPT"
    assert node.adopt(3, 2) == "BEHIND"
    assert node.adopt(3, 1, age_ms=30_500) == "RETRY"
    assert node.everything() == before


@pytest.mark.parametrize("adopt", [False, True])
def test_two_that_went_on_from_one_seq_are_told_apart(node: Node, adopt: bool) -> None:
    node.open(1, incarnation=3)
    node.execute()
    node.execute()
    take = node.adopt if adopt else node.open
    assert take(2, 1, incarnation=5, line=4) == ("BEHIND" if adopt else "REPLACED")


@pytest.mark.parametrize(("seq", "line"), [(1, 3), (1, ""), (0, 4)])
def test_what_went_on_from_its_own_is_adopted(node: Node, seq: int, line: int | str) -> None:
    node.open(1, incarnation=3)
    node.execute()
    assert node.adopt(2, seq, incarnation=5, line=line) == "ADOPTED"
