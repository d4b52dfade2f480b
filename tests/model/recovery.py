"""LIVENESS: from every state, without new faults, fair processes bring everything to a good end.

Every process is taken to be dead and every message lost: whatever a state owes to somebody who is
still on the way does not count. From there three deterministic schedules are run to a bound. One
that comes to a good end is a path of recovery, and shows at once that there is no livelock on it.
That messages do arrive in the midst of it is covered by the search, where each step of a schedule
is a step that anybody may take in any order.

* Left alone: leases end, the flusher claims, and the idle session is evicted in the end.
* Played on: the player comes back; a load, a command and a flush must all come off.
* PostgreSQL stays away: a close that is under way must end by giving the session back.
"""

from tests.model import apply, evict, flush, load, trade
from tests.model.guards import Guards
from tests.model.state import (
    CLOSING,
    LATER,
    LEASED,
    LIVE,
    NOW,
    QUARANTINED,
    Budget,
    Character,
    Flush,
    World,
    operations_of,
)

STUCK = "nobody ever brings it to a good end"
# More than any good schedule needs; the service gives up a load after 10 attempts, a flush after 20 rounds.
BOUND = 10
PROBE = "probe"


def core(world: World) -> World:
    """What recovery starts from: every process dead, every message lost."""
    return world._replace(characters=tuple(map(_core, world.characters)))


def _core(character: Character) -> Character:
    return character._replace(messages=frozenset(), left=Budget(), shown=())


def violation(world: World, guards: Guards) -> str | None:
    """None when every schedule comes to a good end from this core; else which one does not."""
    if world.trade is not None:
        return None if _trade_ends(world, guards) else f"{STUCK} (the trade)"
    (character,) = world.characters
    for name, good in (("left alone", _left_alone), ("played on", _played_on), ("PostgreSQL away", _away)):
        if not good(character, guards):
            return f"{STUCK} ({name})"
    return None


def _left_alone(character: Character, guards: Guards) -> bool:
    for _ in range(BOUND):
        node = character.node
        session = node.session
        if session is None:
            return character.kept.issubset(character.row.history)
        if session.status == QUARANTINED:
            return character.row.quarantined
        ready = node.due == LATER or (node.due == LEASED and guards.lease_expires) or node.due == NOW
        if not ready:
            return False
        character = _flushed(character.with_node(node._replace(due=LEASED)), guards)
        session = character.node.session
        if session is not None and session.status != QUARANTINED and not session.dirty:
            if session.status == CLOSING and not guards.resume_of_close:
                continue
            character = _evicted(character, guards)
    return False


def _played_on(character: Character, guards: Guards) -> bool:
    if character.row.quarantined:
        return True
    character, live = _loaded(character, guards)
    answer, character = apply.execute(character, PROBE, guards)
    if not live or answer != "OK":
        return False
    character = _flushed(character, guards)
    row = character.row
    flushed = operations_of(row.history)[-1:] == (PROBE,) and character.kept.issubset(row.history)
    return row.quarantined or flushed


def _away(character: Character, guards: Guards) -> bool:
    node, session = character.node, character.node.session
    if session is None or session.status != CLOSING:
        return True
    node, work = evict.begin(node)
    session = evict.cancel(node, work.epoch, guards).session if work is not None else session
    return session is not None and session.status == LIVE


def _loaded(character: Character, guards: Guards) -> tuple[Character, bool]:
    """``Loader.load``, and whether the session is live on this node after it."""
    for _ in range(BOUND):
        session = character.node.session
        gen = load.gen_of(character, guards)
        if session is not None and session.status == LIVE and session.gen == gen:
            return character, True
        character = _reloaded(character, guards)
    return character, False


def _reloaded(character: Character, guards: Guards) -> Character:
    if character.row.quarantined:
        return character
    gen = load.gen_of(character, guards)
    row, read = load.begin(character.row, gen, guards)
    _, node = load.open_session(character.node, gen, read, guards)
    return character._replace(row=row).with_node(node)


def _flushed(character: Character, guards: Guards) -> Character:
    """``WriteBehind.flush``: rounds until nothing is left to write, or it cannot be."""
    for _ in range(BOUND):
        session = character.node.session
        if session is None or session.status == QUARANTINED or not session.dirty:
            break
        character, _ = _written(character, flush.work_of(session), guards)
    return character


def _written(character: Character, work: Flush, guards: Guards) -> tuple[Character, bool]:
    result, row = flush.write(character.row, work, guards)
    character = character._replace(row=row)
    node, session = character.node, character.node.session
    if result == "flushed" and work.close:
        return character, True
    if result in ("flushed", "written before"):
        character = character.with_node(flush.settle(node, work.epoch, row.seq, guards))
        if session is not None and row.seq > session.seq:
            character = _reloaded(character, guards)
    elif result == "overtaken" and guards.overtaken_flush_loads:
        character = _reloaded(character, guards)
    elif result in ("refused", "unrelated"):
        character = character.with_node(flush.quarantine(node))
    return character, False


def _evicted(character: Character, guards: Guards) -> Character:
    """``Evictor.evict``: rounds of begin, final flush and finish."""
    for _ in range(BOUND):
        node, work = evict.begin(character.node)
        character = character.with_node(node)
        if work is None:
            break
        character, whole = _written(character, work, guards)
        if whole:
            seq = work.base + len(work.entries)
            _, node = evict.finish(character.node, work.epoch, seq, guards)
            return character.with_node(node)
    return character


def _trade_ends(world: World, guards: Guards) -> bool:
    if world.trade in (trade.PENDING, trade.OVERDUE):
        # The deadline passes for certain; that both sides hold and commit before does not.
        world = trade.abort(world._replace(trade=trade.OVERDUE), guards) or world
    for who in (trade.GIVER, trade.TAKER):
        for _ in range(2):
            character, live = _loaded(world.characters[who], guards)
            world = world.with_character(who, _flushed(character, guards))
            world = trade.resolution(world, who, guards) or world
        history = world.characters[who].row.history
        if not live or trade.is_held(history):
            return False
    return world.trade in (trade.COMMITTED, trade.ABORTED)
