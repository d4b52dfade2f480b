"""The guards of the protocol, each with what it looks like when it is gone, and the test that then fails.

A guard that no test misses is either not needed or not held; both are to be found out.
"""

from typing import NamedTuple


class Guard(NamedTuple):
    """``file`` has ``text`` once; without the guard ``instead`` stands there, and ``test`` fails."""

    name: str
    file: str
    text: str
    instead: str
    test: str


OPEN, ADOPTION, CALL = (
    "lua/functions/session_open.lua",
    "lua/functions/adoption.lua",
    "lua/functions/call.lua",
)
SETTLE, CLOSE, NODE = (
    "lua/functions/session_settle.lua",
    "lua/functions/session_close.lua",
    "lua/functions/node.lua",
)
SQL = "persistence/sql/queries.sql"
OPENING = "tests/service/test_guards_of_opening.py::"
LATE = "tests/service/test_late_and_old.py::"
PLAYING = "tests/service/test_guards_of_playing.py::"
CLOSING = "tests/service/test_guards_of_closing.py::"
ENDS = "tests/service/test_ends_of_sessions.py::"
TROUBLED = "tests/service/test_troubled_sessions.py::"
DURABLE = "tests/service/test_durable.py::"
FLUSHES = "tests/store/test_store_flush.py::"

GUARDS = (
    Guard(
        "an epoch that is not newer installs nothing",
        OPEN,
        "if epoch <= own.epoch then",
        "if false then",
        OPENING + "test_an_epoch_that_is_not_newer_changes_nothing",
    ),
    Guard(
        "adopt, never overwrite",
        OPEN,
        "if adoption.is_behind(own, load) then",
        "if true then",
        OPENING + "test_an_adopted_session_keeps_what_is_newer_and_is_due_at_once",
    ),
    Guard(
        "the fence",
        OPEN,
        "if epoch <= tonumber(redis.call('GET', fence) or 0) then",
        "if false then",
        LATE + "test_a_load_that_is_late_past_an_eviction_is_fenced_off",
    ),
    Guard(
        "a snapshot counts only on the node under which it was read",
        NODE,
        "return gen ~= node.gen(now_ms) or now_ms",
        "return now_ms",
        LATE + "test_a_snapshot_of_another_node_is_not_installed",
    ),
    Guard(
        "a snapshot counts for so long",
        NODE,
        " or now_ms - read_at_ms > SNAPSHOT_AGE_MAX_MS",
        "",
        OPENING + "test_what_cannot_be_adopted_stays_as_it_is",
    ),
    Guard(
        "a returned node's seqs get a new incarnation",
        ADOPTION,
        """if own.gen ~= '"' .. load.gen .. '"' then""",
        "if false then",
        LATE + "test_a_node_that_came_back_keeps_newer_state",
    ),
    Guard(
        "what two nodes made of one seq is told apart",
        ADOPTION,
        "tonumber(load.line) ~= tonumber(own.incarnation)",
        "false",
        OPENING + "test_two_that_went_on_from_one_seq_are_told_apart",
    ),
    Guard(
        "a settle counts under its own epoch",
        SETTLE,
        "tonumber(epoch) ~= tonumber(head[4]) or ",
        "",
        PLAYING + "test_a_settle_of_another_epoch_trims_nothing",
    ),
    Guard(
        "a session of another node is not noted as closed",
        "persistence/protocol/evictor.py",
        "if complete:",
        "if True:",
        "tests/service/test_returned_nodes.py::test_a_session_that_is_evicted_without_a_load_reuses_no_tag",
    ),
    Guard(
        "operations come back with a load",
        OPEN,
        "set_all(done, args, FIRST, FIRST + remembered - 1)",
        "",
        "tests/service/test_operations.py::test_a_repeat_after_eviction_gets_the_same_bytes",
    ),
    Guard(
        "commands only to a live session",
        CALL,
        """if head[STATUS] ~= '"LIVE"' then""",
        "if false then",
        PLAYING + "test_commands_are_applied_only_to_what_this_call_is_about",
    ),
    Guard(
        "commands only under the node's gen",
        CALL,
        "elseif head[GEN] ~= node.gen_text(now_ms) then",
        "elseif false then",
        OPENING + "test_a_promoted_node_is_noticed",
    ),
    Guard(
        "an operation id is applied once",
        CALL,
        "if op_id ~= '' then",
        "if false then",
        "tests/service/test_lifecycle.py::test_operation_ids_are_applied_once",
    ),
    Guard(
        "an operation id is bound to its payload",
        CALL,
        "if hash ~= payload_hash then",
        "if false then",
        "tests/service/test_lifecycle.py::test_operation_ids_are_applied_once",
    ),
    Guard(
        "what waits for PostgreSQL is bounded",
        CALL,
        "if unflushed_ms > tonumber(unflushed_max_ms) then",
        "if false then",
        "tests/service/test_backpressure.py::test_old_changes_bar_new_ones_until_they_are_written",
    ),
    Guard(
        "a change puts its session into the queue",
        CALL,
        "redis.call('ZADD', due, now_ms + flush_interval_ms, view.char_id(session))",
        "",
        PLAYING + "test_only_the_first_change_sets_when_it_is_due",
    ),
    Guard(
        "a settle trims nothing twice",
        SETTLE,
        "settled <= flushed or",
        "",
        PLAYING + "test_a_settle_that_does_not_fit_changes_nothing",
    ),
    Guard(
        "a settle trims nothing that the session does not have",
        SETTLE,
        " or settled > seq",
        "",
        PLAYING + "test_a_settle_that_does_not_fit_changes_nothing",
    ),
    Guard(
        "a claim is a lease",
        "lua/functions/work_claim.lua",
        "now_ms + lease_ms, members[index]",
        "now_ms, members[index]",
        CLOSING + "test_a_claim_is_a_lease",
    ),
    Guard(
        "only what was closed is deleted: its seq",
        CLOSE,
        "if tonumber(seq) ~= own_seq then",
        "if false then",
        CLOSING + "test_a_quarantined_session_is_discarded_only_as_it_was_seen",
    ),
    Guard(
        "only what was closed is deleted: its status and epoch",
        CLOSE,
        "if status ~= ending or tonumber(epoch) ~= own_epoch then",
        "if false then",
        CLOSING + "test_a_close_finishes_only_what_it_began",
    ),
    Guard(
        "a close stops commands",
        CLOSE,
        """redis.call('HSET', session, 'status', '"CLOSING"')""",
        "",
        CLOSING + "test_a_close_begins_only_at_the_seq_it_was_meant_for",
    ),
    Guard(
        "a close that failed is taken back",
        "persistence/protocol/evictor.py",
        'await self._sessions.close(char_id, "cancel", epoch=epoch, lease_ms=self._lease_ms)',
        "pass",
        ENDS + "test_a_close_that_failed_leaves_the_character_open",
    ),
    Guard(
        "a flush needs the newest epoch",
        SQL,
        "c.epoch = u.epoch AND ",
        "",
        FLUSHES + "test_an_older_epoch_is_passed_over",
    ),
    Guard(
        "a flush begins where PostgreSQL stands",
        SQL,
        "AND c.seq = u.base_seq AS fits",
        "AS fits",
        FLUSHES + "test_work_that_begins_elsewhere_is_passed_over",
    ),
    Guard(
        "an item is written by its owner alone",
        SQL,
        " WHERE i.owner = excluded.owner",
        "",
        "tests/store/test_store_flush_refused.py::test_an_item_of_another_is_never_overwritten",
    ),
    Guard(
        "a character found open gets a new incarnation",
        SQL,
        "incarnation = c.incarnation + c.open::integer,",
        "",
        "tests/store/test_store_load.py::test_a_character_found_open_has_a_new_incarnation",
    ),
    Guard(
        "one refused row holds up nobody",
        "persistence/protocol/write_behind.py",
        "if len(batch) == 1:",
        "if len(batch) >= 1:",
        TROUBLED + "test_one_poisoned_character_holds_up_nobody",
    ),
    Guard(
        "what was sent and not answered is not taken for undone",
        "persistence/link/redis_wire.py",
        "unknown = sent and not self.harmless",
        "unknown = False",
        "tests/adversity/test_lost_replies.py"
        "::test_without_an_operation_id_the_outcome_is_unknown_and_nothing_is_repeated",
    ),
    Guard(
        "durable is not said of what was lost",
        "persistence/protocol/command_runner.py",
        "if not durable:",
        "if False:",
        DURABLE + "test_durable_is_never_said_of_what_was_lost",
    ),
)
