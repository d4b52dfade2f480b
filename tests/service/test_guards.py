"""Every guard of the functions, one test each: what it lets pass and what it keeps out."""

import json
import time
from typing import Any

import msgspec
import pytest
import redis

from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO, Item, Place
from lua.library import Library
from persistence.keys import Keys
from persistence.sessions.session_fields import actor_text, facts_text, fields_of, session_of
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES, empty_session

IDLE_MS, INTERVAL_MS, LEASE_MS, UNFLUSHED_MAX_MS = 900_000, 100, 3_000, 30_000
GRANT = json.dumps([{"op": "grant", "template_id": "gold", "quantity": 1}])


class Node:
    """The functions on one server, for one character; replies with bytes made text."""

    def __init__(self, client: redis.Redis, ruleset: Ruleset) -> None:
        self.client, self.ruleset, self.library = client, ruleset, Library(ruleset)
        self.keys = Keys().of(CHAR_ID)
        self.calls = 0
        client.function_load(self.library.code, replace=True)

    def call(self, name: str, *args: Any) -> list[Any]:
        contract = self.library.contracts[name]
        keys = [getattr(self.keys, key) for key in contract.keys + contract.keys_of_each]
        reply = self.client.fcall(self.library.function(name), len(keys), *keys, *args)
        return [part.decode() if isinstance(part, bytes) else part for part in reply]

    def open(
        self,
        epoch: int,
        seq: int = 0,
        *,
        catalog: int = 1,
        incarnation: int = 0,
        line: int | str = "",
        session: InventorySessionDTO | None = None,
    ) -> str:
        gen, now_ms = self.call("session_probe")[:2]
        written = fields_of(self.ruleset, session or empty_session(""))
        fields = [part for pair in written.items() for part in pair]
        actor = actor_text(self.ruleset, ACTOR)
        args = (gen, now_ms, epoch, seq, incarnation, line, catalog, IDLE_MS, actor, 0, *fields)
        return str(self.call("session_open", *args)[0])

    def execute(self, *, catalog: int = 1, op_id: str = "") -> list[Any]:
        self.calls += 1
        facts = ("gold", facts_text(TEMPLATES["gold"]))
        return self.call(
            "session_execute", catalog, '"at":0', op_id, "0" if op_id else "", "", INTERVAL_MS,
            UNFLUSHED_MAX_MS, f"{self.calls:024x}", GRANT, *facts,
        )  # fmt: skip

    def adopt(
        self, epoch: int, seq: int = 0, *, incarnation: int = 0, line: int | str = "", age_ms: int = 0
    ) -> str:
        gen, now_ms = self.call("session_probe")[:2]
        args = (gen, int(now_ms) - age_ms, epoch, seq, incarnation, line, IDLE_MS)
        return str(self.call("session_adopt", *args)[0])

    def settle(self, seq: int, epoch: int = 1) -> list[Any]:
        return self.call("session_settle", INTERVAL_MS, IDLE_MS, epoch, seq)

    def close(self, step: str, epoch: int = 1, seq: int | str = "", dead_epoch: int = 0) -> str:
        return str(self.call("session_close", step, epoch, seq, LEASE_MS, dead_epoch)[0])

    def due_in_ms(self) -> float | None:
        """How far off the session's turn is; None when it has none."""
        score = self.client.zscore(self.keys.due, CHAR_ID)
        return None if score is None else float(score) - int(self.call("session_probe")[1])

    def everything(self) -> list[Any]:
        """All that is kept of the character."""
        return [
            self.client.hgetall(self.keys.session),
            self.client.lrange(self.keys.journal, 0, -1),
            self.client.hgetall(self.keys.done),
            self.client.get(self.keys.fence),
            self.client.zscore(self.keys.due, CHAR_ID),
        ]


@pytest.fixture
def node(each_redis: redis.Redis, ruleset: Ruleset) -> Node:
    return Node(each_redis, ruleset)


def near(value: float | None, expected: float) -> bool:
    return value is not None and abs(value - expected) < 2_000


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


def test_a_settle_of_another_epoch_trims_nothing(node: Node) -> None:
    """As one that was meant for the session on a node that another has taken over from since."""
    node.open(2)
    node.execute()
    assert node.settle(1, epoch=1) == [1, 0]
    assert node.settle(1, epoch=3) == [1, 0]
    assert node.settle(1, epoch=2) == [1, 1]


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
