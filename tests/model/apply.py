"""APPLY: lua/functions/call.lua, and the callers who repeat a call under its operation id."""

from collections.abc import Iterator

from tests.model.guards import Guards
from tests.model.load import Step, gen_of
from tests.model.state import (
    CLOSING,
    LIVE,
    NOW,
    POISON,
    Character,
    Remember,
    entry_of,
    operations_of,
)


def execute(character: Character, operation: str, guards: Guards) -> tuple[str, Character]:
    """``session_execute``: its answer, and the character after it."""
    node, session = character.node, character.node.session
    stopped = session is not None and session.status == CLOSING and guards.close_stops_commands
    if session is None or session.status not in (LIVE, CLOSING) or stopped:
        return "RELOAD", character
    if session.gen != gen_of(character, guards) and guards.gen_checked_by_apply:
        return "RELOAD", character
    if operation in session.done and guards.known_operation_is_replayed:
        return "REPLAYED", character
    remembered = {operation} if guards.operation_in_the_same_step else frozenset()
    due = node.due if session.dirty or not guards.dirty_is_due else NOW
    history = (*session.history, entry_of(operation, character.place))
    changed = session._replace(history=history, done=session.done | remembered)
    return "OK", character.with_node(node._replace(session=changed, due=due))


def steps(character: Character, guards: Guards, operations: tuple[str, ...]) -> Iterator[Step]:
    """A caller sends an operation, for the first time or again; it is acknowledged."""
    for operation in operations:
        answer, after = execute(character, operation, guards)
        if answer == "OK":
            entry = entry_of(operation, character.place)
            after = after._replace(kept=character.kept | {entry})
            if not guards.operation_in_the_same_step:
                after = after.sending(Remember(operation))
            yield f"{entry} is applied and acknowledged", after
    for message in character.messages:
        session = character.node.session
        if isinstance(message, Remember) and session is not None and message.operation not in session.done:
            known = session._replace(done=session.done | {message.operation})
            yield (
                f"the id of {message.operation} is remembered",
                character.with_node(character.node._replace(session=known)),
            )


def is_poisoned(entries: tuple[str, ...]) -> bool:
    """Whether PostgreSQL refuses a row of these."""
    return POISON in operations_of(entries)
