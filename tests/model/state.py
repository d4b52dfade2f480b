"""The state of the model: what PostgreSQL, the nodes of Redis and the wire hold of a character.

A call that was applied is an entry in a ``History``: the operation, and the node that applied it, as in
"x@B1". A caller may repeat an operation that was lost, and gets other new items for it, so the same one
applied elsewhere is another entry. Two states have the same content exactly when they have the same
history, and a session's seq is the length of its own.

Everything is a tuple, so that a state can be a key of the table of states that were seen. Tuples of
different classes can be equal, so each message says what kind it is.
"""

from functools import cache
from typing import NamedTuple

History = tuple[str, ...]
# Which node, and how often nodes have changed places: run id and replication id.
Gen = tuple[int, int]

LIVE, CLOSING, QUARANTINED = "LIVE", "CLOSING", "QUARANTINED"
# When a session is due. Time is not counted: a lease may end, and an idle time pass, at any moment.
NEVER, NOW, LEASED, LATER = "not queued", "due", "leased", "due when idle"
# A call that PostgreSQL refuses to store.
POISON = "poison"


def entry_of(operation: str, gen: Gen) -> str:
    """The entry of an operation that is applied on a node."""
    return f"{operation}@{'AB'[gen[0]]}{gen[1]}"


@cache
def operations_of(history: History) -> tuple[str, ...]:
    """What the callers asked for."""
    return tuple(entry.partition("@")[0] for entry in history)


class Session(NamedTuple):
    """A session in Redis; its journal is ``history[flushed:]``, its tag ``incarnation`` and ``seq``."""

    status: str
    epoch: int
    gen: Gen
    incarnation: int
    history: History
    flushed: int
    done: frozenset[str]

    @property
    def seq(self) -> int:
        return len(self.history)

    @property
    def dirty(self) -> bool:
        return self.flushed < len(self.history)


class Node(NamedTuple):
    """All that one node of Redis has of the character."""

    session: Session | None = None
    due: str = NEVER
    fence: int = 0


class Row(NamedTuple):
    """The character in PostgreSQL: its head, and its ledger as ``history``.

    ``line`` is the incarnation of the session whose flush moved the head last.
    """

    epoch: int = 0
    history: History = ()
    open: bool = False
    incarnation: int = 0
    line: int = 0
    quarantined: bool = False

    @property
    def seq(self) -> int:
        return len(self.history)


class Open(NamedTuple):
    """``session_open``: a load has read PostgreSQL and brings it to the node it has asked before.

    With ``adopt_only`` it is ``session_adopt``, which neither creates nor replaces.
    """

    gen: Gen
    epoch: int
    incarnation: int
    history: History
    line: int
    adopt_only: bool = False
    kind: str = "open"


class Journal(NamedTuple):
    """A flusher has read the head of a session, and reads the journal next."""

    epoch: int
    incarnation: int
    flushed: int
    kind: str = "journal"


class Flush(NamedTuple):
    """A transaction under way to PostgreSQL; with ``close`` it is the final one of an eviction."""

    epoch: int
    incarnation: int
    base: int
    entries: History
    close: bool
    kind: str = "flush"


class Settle(NamedTuple):
    """``session_settle``: PostgreSQL has the session of this epoch up to ``seq``."""

    epoch: int
    seq: int
    kind: str = "settle"


class Finish(NamedTuple):
    """``session_close`` "finish"."""

    epoch: int
    seq: int
    kind: str = "finish"


class Cancel(NamedTuple):
    """``session_close`` "cancel"."""

    epoch: int
    kind: str = "cancel"


class Closed(NamedTuple):
    """The session of this epoch is deleted; PostgreSQL is to note that none is out."""

    epoch: int
    kind: str = "closed"


class Quarantine(NamedTuple):
    """``session_close`` "quarantine"."""

    kind: str = "quarantine"


class Remember(NamedTuple):
    """An operation id on its own way to the ring; only where a guard is off."""

    operation: str
    kind: str = "remember"


Message = Open | Journal | Flush | Settle | Finish | Cancel | Closed | Quarantine | Remember


class Budget(NamedTuple):
    """How often what begins something new, or goes wrong, may still happen; this bounds the model."""

    loads: int = 0
    flushes: int = 0
    evictions: int = 0
    copies: int = 0
    switches: int = 0
    hours: int = 0


class Character(NamedTuple):
    """One character: its row, its two nodes, the messages under way, and what was promised.

    A message is never taken out: it may arrive late, again and again, or not at all.
    ``kept``: acknowledged calls that must still be somewhere. ``shown``: for each incarnation, the
    longest history that was ever shown under it.
    """

    row: Row
    nodes: tuple[Node, Node]
    active: int
    switches: int
    messages: frozenset[Message]
    left: Budget
    kept: frozenset[str]
    shown: tuple[tuple[int, History], ...]

    @property
    def node(self) -> Node:
        """The node that answers now."""
        return self.nodes[self.active]

    @property
    def place(self) -> Gen:
        """Which node that is, told from whatever answered before."""
        return (self.active, self.switches)

    def with_node(self, node: Node) -> "Character":
        nodes = (node, self.nodes[1]) if self.active == 0 else (self.nodes[0], node)
        return self._replace(nodes=nodes)

    def sending(self, *messages: Message) -> "Character":
        return self._replace(messages=self.messages.union(messages))

    def spending(self, name: str) -> "Character | None":
        """One less of what ``name`` counts; None when nothing is left."""
        left = getattr(self.left, name)
        return self._replace(left=self.left._replace(**{name: left - 1})) if left else None


class World(NamedTuple):
    """All characters, and the one trade there may be: None, or PostgreSQL's row of it."""

    characters: tuple[Character, ...]
    trade: str | None = None

    def with_character(self, index: int, character: Character) -> "World":
        return self._replace(
            characters=tuple(character if n == index else c for n, c in enumerate(self.characters))
        )


def new_character(budget: Budget) -> Character:
    """A character that has never been loaded."""
    return Character(Row(), (Node(), Node()), 0, 0, frozenset(), budget, frozenset(), ())
