"""EVICT: persistence/protocol/evictor.py, lua/functions/session_close.lua."""

from collections.abc import Iterator

from tests.model.flush import work_of
from tests.model.guards import Guards
from tests.model.load import Step, gen_of
from tests.model.state import (
    CLOSING,
    LEASED,
    LIVE,
    NEVER,
    QUARANTINED,
    Cancel,
    Character,
    Closed,
    Finish,
    Flush,
    Node,
)


def begin(node: Node) -> tuple[Node, Flush | None]:
    """``session_close`` "begin", and what is read after it: the final flush, if there is a session."""
    session = node.session
    if session is None:
        return node._replace(due=NEVER), None
    if session.status == QUARANTINED:
        return node, None
    session = session._replace(status=CLOSING)
    return node._replace(session=session, due=LEASED), work_of(session, close=True)


def finish(node: Node, epoch: int, seq: int, guards: Guards) -> tuple[bool, Node]:
    """``session_close`` "finish": whether the session was deleted, and the node after it."""
    session = node.session
    if session is None:
        return False, node
    is_it = session.status == CLOSING and session.epoch == epoch
    is_there = session.seq == seq or not guards.delete_at_seq
    if guards.conditional_delete and not (is_it and is_there):
        return False, node
    return True, Node(None, NEVER, max(node.fence, session.epoch))


def cancel(node: Node, epoch: int, guards: Guards) -> Node:
    """``session_close`` "cancel": the final flush failed, so the session is given back."""
    session = node.session
    if session is None or session.status != CLOSING or session.epoch != epoch or not guards.cancel_of_close:
        return node
    return node._replace(session=session._replace(status=LIVE), due=LEASED)


def steps(character: Character, guards: Guards, *, failing: bool) -> Iterator[Step]:
    """Somebody begins or resumes a close; the final flush fails; late steps arrive.

    The final flush is read after "begin". What is read then either is what "begin" has answered or
    is thrown away, so the two are one step here.
    """
    node, session = character.node, character.node.session
    if session is not None and session.status != QUARANTINED:
        begun = character.spending("evictions")
        if begun is not None:
            closing, work = begin(node)
            assert work is not None
            word = "begins" if session.status == LIVE else "is resumed"
            yield f"a close {word} under epoch {work.epoch}", begun.with_node(closing).sending(work)
    for message in character.messages:
        if isinstance(message, Flush) and message.close and failing:
            cancelling = character.sending(Cancel(message.epoch))
            if cancelling != character:
                yield f"PostgreSQL is away from the close under epoch {message.epoch}", cancelling
        elif isinstance(message, Cancel):
            given_back = cancel(node, message.epoch, guards)
            if given_back is not node:
                yield "cancel reaches Redis: the session is live again", character.with_node(given_back)
        elif isinstance(message, Finish):
            deleted, after = finish(node, message.epoch, message.seq, guards)
            if deleted:
                ended = character.with_node(after)
                same_node = session is not None and session.gen == gen_of(character, guards)
                if same_node or not guards.returned_node_is_not_noted_closed:
                    ended = ended.sending(Closed(message.epoch))
                yield f"finish({message.epoch}, {message.seq}) reaches Redis: the session is deleted", ended
