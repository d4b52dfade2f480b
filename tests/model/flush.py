"""FLUSH: persistence/protocol/write_behind.py, flush_batch.py, session_settle.lua, work_claim.lua."""

from collections.abc import Iterator

from tests.model.apply import is_poisoned
from tests.model.guards import Guards
from tests.model.load import Step, gen_of
from tests.model.state import (
    LATER,
    LEASED,
    LIVE,
    NEVER,
    NOW,
    QUARANTINED,
    Character,
    Closed,
    Finish,
    Flush,
    Journal,
    Message,
    Node,
    Open,
    Quarantine,
    Row,
    Session,
    Settle,
)


def work_of(session: Session, *, close: bool = False) -> Flush:
    """What a session has for PostgreSQL."""
    base = session.flushed
    return Flush(session.epoch, session.incarnation, base, session.history[base:], close)


def write(row: Row, work: Flush, guards: Guards) -> tuple[str, Row]:
    """One transaction: what became of the work, and the row after it."""
    fits = (work.epoch == row.epoch or not guards.epoch_guard) and (
        work.base == row.seq or not guards.seq_guard
    )
    if fits:
        if is_poisoned(work.entries):
            return "refused", row._replace(quarantined=True)
        closed = work.close and not guards.noted_closed_after_delete
        row = row._replace(history=row.history + work.entries, open=not closed)
        return "flushed", row._replace(line=work.incarnation) if work.entries else row
    if work.epoch == row.epoch and row.seq > work.base:
        return "written before", row
    if work.epoch < row.epoch:
        return "overtaken", row
    return "unrelated", row._replace(quarantined=True)


def settle(node: Node, epoch: int, seq: int, guards: Guards) -> Node:
    """``session_settle``."""
    session = node.session
    if session is None or (session.epoch != epoch and guards.settle_of_own_epoch):
        return node
    if guards.conditional_settle:
        if seq <= session.flushed or seq > session.seq:
            return node
    else:
        seq = session.seq
    session = session._replace(flushed=seq)
    due = node.due
    if session.dirty:
        due = NOW if guards.rest_is_due else LATER
    elif session.status == LIVE:
        due = LATER
    return node._replace(session=session, due=due)


def quarantine(node: Node) -> Node:
    """``session_close`` "quarantine"."""
    if node.session is None:
        return node._replace(due=NEVER)
    return node._replace(session=node.session._replace(status=QUARANTINED), due=NEVER)


def answers(result: str, row: Row, work: Flush) -> tuple[Message, ...]:
    """What the writer sends after it has heard ``result``.

    One that was overtaken loads, by ``session_adopt``. Anybody may load at any time here, and
    ``session_adopt`` does nothing that ``session_open`` would not, so it needs no message of its own.
    """
    if result in ("refused", "unrelated"):
        return (Quarantine(),)
    if result == "flushed" and work.close:
        return (Finish(work.epoch, row.seq),)
    return (Settle(work.epoch, row.seq),) if result in ("flushed", "written before") else ()


def steps(character: Character, guards: Guards, *, torn_reads: bool) -> Iterator[Step]:
    """Time passes, somebody claims and reads, and messages arrive."""
    node, session = character.node, character.node.session
    if node.due == LEASED and guards.lease_expires:
        yield "a lease ends", character.with_node(node._replace(due=NOW))
    if node.due == NOW and session is not None and session.dirty and session.status != QUARANTINED:
        claimed = character.spending("flushes")
        if claimed is not None:
            claimed = claimed.with_node(node._replace(due=LEASED))
            if torn_reads:
                head = Journal(session.epoch, session.incarnation, session.flushed)
                yield f"a flusher claims, and reads the head (epoch {head.epoch})", claimed.sending(head)
            else:
                work = work_of(session)
                yield f"a flusher claims, and reads {_spelled(work)}", claimed.sending(work)
    for message in character.messages:
        yield from _arrival(character, message, guards)


def _arrival(character: Character, message: Message, guards: Guards) -> Iterator[Step]:
    node, session = character.node, character.node.session
    if isinstance(message, Journal) and session is not None:
        # The entries say themselves where they begin, whatever the head said.
        work = work_of(session)
        base = work.base if work.entries else message.flushed
        work = work._replace(epoch=message.epoch, incarnation=message.incarnation, base=base)
        if work not in character.messages:
            yield f"the flusher reads the journal: {_spelled(work)}", character.sending(work)
    elif isinstance(message, Flush):
        yield from _transaction(character, message, guards)
    elif isinstance(message, Settle):
        settled = settle(node, message.epoch, message.seq, guards)
        if settled != node:
            yield (
                f"settle({message.seq}) of epoch {message.epoch} reaches Redis",
                character.with_node(settled),
            )
    elif isinstance(message, Quarantine):
        marked = quarantine(node)
        if marked != node:
            yield "quarantine reaches Redis", character.with_node(marked)
    elif isinstance(message, Closed) and character.row.open and character.row.epoch == message.epoch:
        closed = character._replace(row=character.row._replace(open=False))
        yield f"PostgreSQL notes that the session of epoch {message.epoch} is gone", closed


def _transaction(character: Character, work: Flush, guards: Guards) -> Iterator[Step]:
    result, row = write(character.row, work, guards)
    after = character._replace(row=row).sending(*answers(result, row, work))
    if result == "overtaken" and not guards.adopt_under_own_epoch:
        gen = gen_of(character, guards)
        after = after.sending(Open(gen, row.epoch, row.incarnation, row.history, row.line, adopt_only=True))
    if after != character:
        yield f"the {'final flush' if work.close else 'flush'} of {_spelled(work)}: {result}", after


def _spelled(work: Flush) -> str:
    entries = ", ".join(work.entries) or "nothing"
    return f"{entries} after seq {work.base} under epoch {work.epoch}"
