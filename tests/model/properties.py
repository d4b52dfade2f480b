"""SAFETY: what must hold in every state, and from a state to the next (docs/protocol.md, "Invariants")."""

from tests.model import trade
from tests.model.guards import Guards
from tests.model.load import gen_of
from tests.model.state import (
    LEASED,
    LIVE,
    NOW,
    POISON,
    QUARANTINED,
    Character,
    Node,
    World,
    operations_of,
)

LOST = "an acknowledged call is lost"
TWICE = "a call is applied twice"
REWRITTEN = "PostgreSQL's history is rewritten"
SETTLED = "a session counts as flushed what PostgreSQL does not have"
TAG = "a tag stands for two contents"
QUEUE = "a session that needs attention is not due, nor leased"
BACKWARDS = "an epoch goes down"
UNRELATED = "a character is quarantined that PostgreSQL has refused nothing of"
ITEM = "an item is usable where it must not be"


def step_violation(before: World, after: World) -> str | None:
    """What this step must not have done."""
    for old, new in zip(before.characters, after.characters, strict=True):
        if new.row.history[: old.row.seq] != old.row.history:
            return REWRITTEN
        if new.row.epoch < old.row.epoch or new.row.incarnation < old.row.incarnation:
            return BACKWARDS
        was, now = old.node.session, new.node.session
        if old.switches == new.switches and was is not None and now is not None and now.epoch < was.epoch:
            return BACKWARDS
    return None


def state_violation(world: World, guards: Guards) -> str | None:
    """What must not be so in this state."""
    for character in world.characters:
        found = _character_violation(character)
        if found is not None:
            return found
    return None if world.trade is None else _trade_violation(world, guards)


def _character_violation(character: Character) -> str | None:
    row, session = character.row, character.node.session
    if row.quarantined and (session is None or POISON not in operations_of(session.history)):
        return UNRELATED
    there = row.history if session is None else (*row.history, *session.history)
    if not character.kept.issubset(there):
        return LOST
    if _repeats(row.history) or (session is not None and _repeats(session.history)):
        return TWICE
    for node in character.nodes:
        kept = node.session
        if kept is not None:
            if (
                not 0 <= kept.flushed <= kept.seq
                or kept.history[: kept.flushed] != row.history[: kept.flushed]
            ):
                return SETTLED
            if _needs_attention(node) and node.due not in (NOW, LEASED):
                return QUEUE
    return None


def _repeats(history: tuple[str, ...]) -> bool:
    return len(set(operations_of(history))) != len(history)


def _needs_attention(node: Node) -> bool:
    session = node.session
    return session is not None and session.status != QUARANTINED and (session.dirty or session.status != LIVE)


def shown(character: Character, guards: Guards) -> Character | None:
    """The character with what its session shows now; None when its tag stood for other content before.

    Stronger than it need be, and simpler: under one incarnation, all that is ever shown is one line
    of history.
    """
    session = character.node.session
    # Reads are answered by a session that is live on this node, whatever guards calls have.
    if session is None or session.status != LIVE or session.gen != gen_of(character, guards):
        return character
    lines = dict(character.shown)
    before = lines.get(session.incarnation, ())
    shorter, longer = sorted((before, session.history), key=len)
    if longer[: len(shorter)] != shorter:
        return None
    if longer == before and session.incarnation in lines:
        return character
    lines[session.incarnation] = longer
    return character._replace(shown=tuple(sorted(lines.items())))


def _trade_violation(world: World, guards: Guards) -> str | None:
    giver = world.characters[trade.GIVER]
    usable = []
    for who, character in enumerate(world.characters):
        session = trade.playable(character, guards)
        usable.append(session is not None and trade.is_usable(who, session.history, guards))
    if all(usable) or (usable[trade.GIVER] and world.trade == trade.COMMITTED):
        return ITEM
    if usable[trade.TAKER] and world.trade != trade.COMMITTED:
        return ITEM
    session = trade.playable(giver, guards)
    history = giver.row.history if session is None else (*giver.row.history, *session.history)
    if "use" in operations_of(history) and world.trade == trade.COMMITTED:
        return ITEM
    return None
