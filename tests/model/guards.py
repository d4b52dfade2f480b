"""Every guard of the protocol by its name. A mutant is the protocol with some of them switched off."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Guards:
    """All on, the way the protocol is meant to be."""

    # LOAD: session_open.lua, queries.sql begin_loads
    adopt_not_overwrite: bool = True  # a session that has all that PostgreSQL has is kept as it is
    adopt_own_line_only: bool = True  # ... unless PostgreSQL went on from another line of its history
    older_epoch_changes_nothing: bool = True  # the answer KEPT
    fence: bool = True  # no load that was read under a dead epoch brings a session back
    snapshot_bound_to_gen: bool = True  # what was read while another node answered is read again
    snapshot_age: bool = True  # what was read before the fence can have expired, too
    gen_includes_replid: bool = True  # a node that was demoted and promoted again is another one
    incarnation_on_load_of_open_character: bool = True  # something acknowledged may be gone
    incarnation_on_adopt_of_returned_node: bool = True  # its next seqs may have been others' before
    operations_restored_by_load: bool = True  # the ring comes back from PostgreSQL
    adopt_under_own_epoch: bool = True  # a flush that adopts on another node raises the epoch itself

    # APPLY: call.lua
    gen_checked_by_apply: bool = True  # a node that came back takes no command before a load
    close_stops_commands: bool = True  # nor does a session that is being closed
    known_operation_is_replayed: bool = True  # an operation id is carried out at most once
    operation_in_the_same_step: bool = True  # id and change are written by one call
    dirty_is_due: bool = True  # the first change puts the session into the due queue

    # FLUSH: queries.sql flush, session_settle.lua, work_claim.lua
    epoch_guard: bool = True  # PostgreSQL takes work of its newest epoch only
    seq_guard: bool = True  # ... and only where it begins exactly where PostgreSQL stands
    conditional_settle: bool = True  # trims only between flushed_seq and seq
    settle_of_own_epoch: bool = True  # ... of the session that was flushed, not of one that came back
    rest_is_due: bool = True  # what a settle leaves over is due again
    lease_expires: bool = True  # a claim is a lease, not a removal
    overtaken_flush_loads: bool = True  # an epoch that a dead load has raised is taken over

    # EVICT: session_close.lua
    conditional_delete: bool = True  # only what is still closing, at this epoch and seq, is deleted
    delete_at_seq: bool = True  # ... of this, the seq alone
    resume_of_close: bool = True  # a claim that finds a session closing goes on with the close
    cancel_of_close: bool = True  # a close that cannot be flushed gives the session back
    returned_node_is_not_noted_closed: bool = True  # what it had acknowledged may be gone with the other node
    noted_closed_after_delete: bool = True  # PostgreSQL forgets that a session is out when it is gone

    # TRADE
    held_stays: bool = True  # nobody uses what is held
    hold_once: bool = True  # a trade that had its hold gets no second one
    durable_holds: bool = True  # the commit needs both holds in PostgreSQL
    commit_once: bool = True  # only a pending trade is committed
    abort_after_deadline: bool = True  # anyone may end a trade whose time is over


NAMES = tuple(field.name for field in fields(Guards))
ALL = Guards()


def without(*names: str) -> Guards:
    """The protocol without these guards."""
    return replace(ALL, **dict.fromkeys(names, False))
