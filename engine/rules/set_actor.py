"""set_actor: the game server tells what the actor is now."""

from engine.commands import SetActorRequest
from engine.rules.draft import Draft
from engine.state import Actor


def set_actor(draft: Draft, command: SetActorRequest) -> None:
    """Absent fields stay, attributes merge, states are added, then removed; never refused.

    What a lowered level or strength no longer allows stays worn and carried.
    """
    actor = draft.actor
    attributes = actor.attributes | command.attributes
    states = {*actor.states, *command.states.add} - {*command.states.remove}
    words = draft.ruleset.source.actor
    draft.actor = Actor(
        level=actor.level if command.level is None else command.level,
        class_=actor.class_ if command.class_ is None else command.class_,
        attributes={name: attributes[name] for name in words.attributes if name in attributes},
        states=tuple(state for state in words.states if state in states),
    )
