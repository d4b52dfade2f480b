"""LOAD: persistence/protocol/loader.py, begin_loads in queries.sql, lua/functions/session_open.lua."""

from collections.abc import Iterator

from tests.model.guards import Guards
from tests.model.state import LATER, LIVE, NOW, Character, Gen, Node, Open, Row, Session, operations_of

Step = tuple[str, Character]


def gen_of(character: Character, guards: Guards) -> Gen:
    """The gen of the node that answers: run id, and replication id."""
    return character.place if guards.gen_includes_replid else (character.active, 0)


def begin(row: Row, gen: Gen, guards: Guards) -> tuple[Row, Open]:
    """One transaction: raise the epoch, and read what belongs to it. The gen was asked before."""
    raised = row.open and guards.incarnation_on_load_of_open_character
    row = row._replace(epoch=row.epoch + 1, incarnation=row.incarnation + raised, open=True)
    return row, Open(gen, row.epoch, row.incarnation, row.history, row.line)


def open_session(node: Node, gen: Gen, load: Open, guards: Guards) -> tuple[str, Node]:
    """``session_open`` on the node ``gen``: its answer, and the node after it."""
    if load.gen != gen and guards.snapshot_bound_to_gen:
        return "RETRY", node
    session = node.session
    if session is None:
        if load.adopt_only:
            return "ABSENT", node
        if load.epoch <= node.fence and guards.fence:
            return "REJECT", node
        return "CREATED", node._replace(session=_installed(load, gen, guards), due=LATER)
    if load.epoch <= session.epoch and guards.older_epoch_changes_nothing:
        return "KEPT", node
    if _is_behind(session, load, guards) or not guards.adopt_not_overwrite:
        if load.adopt_only:
            return "BEHIND", node
        return "REPLACED", node._replace(session=_installed(load, gen, guards), due=LATER)
    return "ADOPTED", _adopted(node, session, gen, load, guards)


def _is_behind(session: Session, load: Open, guards: Guards) -> bool:
    """Whether PostgreSQL has what this session has not: it is ahead, or went on from another line."""
    seq = len(load.history)
    other_line = seq > session.flushed and load.line != session.incarnation
    return seq > session.seq or (other_line and guards.adopt_own_line_only)


def _installed(load: Open, gen: Gen, guards: Guards) -> Session:
    # The ring of operations is bounded in the service by number and age, not in the model.
    done = frozenset(operations_of(load.history)) if guards.operations_restored_by_load else frozenset()
    return Session(LIVE, load.epoch, gen, load.incarnation, load.history, len(load.history), done)


def _adopted(node: Node, session: Session, gen: Gen, load: Open, guards: Guards) -> Node:
    returned = session.gen != gen and guards.incarnation_on_adopt_of_returned_node
    session = session._replace(
        status=LIVE,
        epoch=load.epoch,
        gen=gen,
        incarnation=load.incarnation if returned else session.incarnation,
        flushed=max(session.flushed, len(load.history)),
    )
    return node._replace(session=session, due=NOW if session.dirty else LATER)


def steps(character: Character, guards: Guards) -> Iterator[Step]:
    """A load reads; a load that has read reaches Redis, however late or often."""
    gen = gen_of(character, guards)
    # The service loads what is not playable; here anybody may load at any time, which is more.
    begun = None if character.row.quarantined else character.spending("loads")
    if begun is not None:
        row, load = begin(begun.row, gen, guards)
        yield f"a load asks node {gen}, then reads epoch {row.epoch}", begun._replace(row=row).sending(load)
    for message in character.messages:
        if isinstance(message, Open):
            answer, node = open_session(character.node, gen, message, guards)
            if node is not character.node:
                yield f"the load of epoch {message.epoch} reaches Redis: {answer}", character.with_node(node)
