"""TRADE: A gives item X to B, with PostgreSQL as the coordinator. Planned; the service has none yet.

Whoever holds has "hold" in its history, and "take" (the trade was committed) or "release" (it was
aborted) after it is resolved. "use" is A's ordinary command on X, which uses it up. In PostgreSQL, X is
B's exactly if the trade is committed, since the commit moves the row itself.
"""

from collections.abc import Iterator

from tests.model.guards import Guards
from tests.model.load import gen_of
from tests.model.state import CLOSING, LIVE, NOW, Character, History, Session, World, entry_of, operations_of

PENDING, OVERDUE, COMMITTED, ABORTED = "pending", "overdue", "committed", "aborted"
GIVER, TAKER = 0, 1


def is_held(history: History) -> bool:
    """Whether a hold is open."""
    words = operations_of(history)
    return words.count("hold") > words.count("take") + words.count("release")


def is_usable(who: int, history: History, guards: Guards) -> bool:
    """Whether this content lets its player use X."""
    words = operations_of(history)
    if "use" in words or (is_held(history) and guards.held_stays):
        return False
    return ("take" in words) == (who == TAKER)


def playable(character: Character, guards: Guards) -> Session | None:
    """The session, if a command would be taken."""
    session = character.node.session
    if session is None:
        return None
    live = session.status == LIVE or (session.status == CLOSING and not guards.close_stops_commands)
    here = session.gen == gen_of(character, guards) or not guards.gen_checked_by_apply
    return session if live and here else None


def added(character: Character, session: Session, word: str) -> Character:
    """The session with one more call, which the protocol itself makes or a player does."""
    due = character.node.due if session.dirty else NOW
    entry = entry_of(word, character.place)
    changed = session._replace(history=(*session.history, entry))
    return character.with_node(character.node._replace(session=changed, due=due))


def resolution(world: World, who: int, guards: Guards) -> World | None:
    """T3 on one side, idempotent: what is held is taken over, or given back."""
    character = world.characters[who]
    session = playable(character, guards)
    if session is None or world.trade not in (COMMITTED, ABORTED) or not is_held(session.history):
        return None
    word = "take" if world.trade == COMMITTED else "release"
    return world.with_character(who, added(character, session, word))


def commit(world: World, guards: Guards) -> World | None:
    """T2, the commit point: one transaction over both heads."""
    held = all(_has_held(character, guards) for character in world.characters)
    if held and (world.trade == PENDING or not guards.commit_once):
        return world._replace(trade=COMMITTED)
    return None


def _has_held(character: Character, guards: Guards) -> bool:
    session = character.node.session
    if guards.durable_holds or session is None:
        return is_held(character.row.history)
    return is_held(session.history)


def abort(world: World, guards: Guards) -> World | None:
    """A participant may at any time, and anyone after the deadline; the model does not tell them apart."""
    if world.trade == PENDING or (world.trade == OVERDUE and guards.abort_after_deadline):
        return world._replace(trade=ABORTED)
    return None


def steps(world: World, guards: Guards) -> Iterator[tuple[str, World]]:
    """All that the trade, and the player who would rather use X, may do."""
    for who, character in enumerate(world.characters):
        name = "AB"[who]
        session = playable(character, guards)
        if session is None:
            continue
        usable = is_usable(who, session.history, guards)
        # T1. It is refused when X is not there, or when this trade has had its hold.
        had = "hold" in operations_of(session.history) and guards.hold_once
        if not had and not is_held(session.history) and (usable or who == TAKER):
            yield f"{name} holds", world.with_character(who, added(character, session, "hold"))
        if usable and who == GIVER:
            used = added(character, session, "use")
            kept = used.kept | {entry_of("use", character.place)}
            yield "A uses X", world.with_character(who, used._replace(kept=kept))
        resolved = resolution(world, who, guards)
        if resolved is not None:
            yield f"{name} resolves its hold: the trade is {world.trade}", resolved
    if world.trade == PENDING:
        yield "the deadline passes", world._replace(trade=OVERDUE)
    for word, ended in (("committed", commit(world, guards)), ("aborted", abort(world, guards))):
        if ended is not None and ended != world:
            yield f"PostgreSQL: the trade is {word}", ended
