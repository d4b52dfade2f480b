"""RECOVER: nodes of Redis copy each other, change places, and come back with what they had.

Node A has a standby B, and only one of them is asked. A restart from an old file is the same as a
change to a node whose copy is that old, and the loss of all data a change to one that has none.
"""

from collections.abc import Iterator

from tests.model.guards import Guards
from tests.model.load import Step
from tests.model.state import Character, Open


def steps(character: Character, guards: Guards) -> Iterator[Step]:
    """The standby copies, the nodes change places, an hour passes."""
    standby = character.nodes[1 - character.active]
    copied = character.spending("copies")
    if copied is not None and standby != character.node:
        yield "the standby copies", copied._replace(nodes=(character.node, character.node))
    switched = character.spending("switches")
    if switched is not None:
        switched = switched._replace(active=1 - character.active, switches=character.switches + 1)
        name = "AB"[switched.active]
        yield f"node {name} takes over", switched._replace(kept=surviving(switched))
    aged = character.spending("hours")
    if aged is not None and character.node.fence:
        late = {
            message for message in character.messages if isinstance(message, Open) and guards.snapshot_age
        }
        node = character.node._replace(fence=0)
        yield (
            "an hour passes: the fence expires",
            aged.with_node(node)._replace(messages=aged.messages - late),
        )


def surviving(character: Character) -> frozenset[str]:
    """What was acknowledged and is still there on the node that has taken over.

    A node that comes back with a line of history that PostgreSQL has left behind brings back
    nothing: what was acknowledged on the nodes in between is in PostgreSQL, or went with them.
    """
    row, session = character.row, character.node.session
    there = set(row.history)
    if session is not None:
        overtaken = row.line != session.incarnation and row.seq > session.flushed
        if not overtaken:
            there.update(session.history)
    return character.kept & there
