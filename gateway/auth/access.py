"""What a caller may: by the scopes of its token, by its character, and by its rates."""

import math
from collections.abc import Sequence
from typing import Final

from engine.commands import Command
from gateway.http.identity import Identity
from gateway.http.operation import SCOPE_OF_COMMAND, Operation, Scope
from gateway.http.problems import Problem

# What a character's token may ask for that names no character in its path. Requests of many are judged
# one by one, templates are the same for all. Whatever else there is, is not for players.
_SHARED: Final = frozenset({"read_catalog", "find_templates", "read_template", "execute_many", "stream"})
# They cost PostgreSQL a transaction each, and an eviction forgets operation ids: for the game to order.
_GAMES_OWN: Final = frozenset({"save_session", "evict_session"})
RATE_LIMITED: Final = "RATE_LIMITED"
PLAYER_SCOPES: Final = frozenset({Scope.READ, Scope.PLAY})


def is_for_players(operation: Operation | None) -> bool:
    """Whether a character's token may ask for it at all; None: for a path where nothing is."""
    if operation is None:
        return True
    return (
        operation.scope in PLAYER_SCOPES
        and (operation.of_character or operation.name in _SHARED)
        and operation.name not in _GAMES_OWN
    )


def denied(scope: Scope, op_index: int | None = None) -> Problem:
    """403: the token lacks ``scope``; ``op_index`` is the command that needs it. RFC 6750, 3.1."""
    challenge = f'Bearer realm="haversack", error="insufficient_scope", scope="{scope}"'
    return Problem(
        "ACCESS_DENIED", params={"scope": scope}, op_index=op_index, headers={"WWW-Authenticate": challenge}
    )


def denied_to_players(operation: str) -> Problem:
    """403: no character's token may do this."""
    return Problem("ACCESS_DENIED", "This is not for characters' tokens.", params={"operation": operation})


def denied_character(char_id: str) -> Problem:
    """403: the token is another character's. Whether there is such a character is not told."""
    return Problem("ACCESS_DENIED", "The token is another character's.", params={"char_id": char_id})


def refused_commands(identity: Identity, commands: Sequence[Command]) -> Problem | None:
    """The problem of the first command that the identity has no scope for."""
    scopes = identity.scopes
    for index, command in enumerate(commands):
        if (scope := SCOPE_OF_COMMAND[command.__class__]) not in scopes:
            return denied(scope, index)
    return None


def over_rate(identity: Identity) -> Problem | None:
    """Count a request against the token's rate; 429 where it is one too many."""
    limiter = identity.limiter
    if limiter is not None and (wait_s := limiter.take(identity.name)):
        return rate_limited("token", wait_s)
    return None


def over_character_rate(identity: Identity, char_id: str) -> Problem | None:
    """Count a request against the character's rate, whoever makes it; 429 where it is one too many.

    To be asked last: who is denied a character must not be able to use its rate up.
    """
    limiter = identity.characters
    if limiter is not None and (wait_s := limiter.take(char_id)):
        return rate_limited("character", wait_s)
    return None


def charge_commands(identity: Identity, char_id: str, commands: Sequence[Command]) -> None:
    """Count the commands of a request that was let in, beyond the first: each costs about as much as that.

    None is refused for it, or a batch larger than the rate could never be done.
    """
    more = len(commands) - 1
    if not more:
        return
    if identity.limiter is not None:
        identity.limiter.charge(identity.name, more)
    if identity.characters is not None:
        identity.characters.charge(char_id, more)


def refused_request(identity: Identity, char_id: str, commands: Sequence[Command]) -> Problem | None:
    """What stands against one request of a body or a frame with many; the request is counted."""
    if (problem := over_rate(identity)) is not None:
        return problem
    if identity.char_id is not None and identity.char_id != char_id:
        return denied_character(char_id)
    if (problem := refused_commands(identity, commands) or over_character_rate(identity, char_id)) is None:
        charge_commands(identity, char_id, commands)
    return problem


def rate_limited(of: str, wait_s: float) -> Problem:
    """429: ``of`` says whose rate it was; nothing was done."""
    retry_after_s = max(1, math.ceil(wait_s))
    return Problem(
        RATE_LIMITED,
        params={"of": of, "retry_after_s": retry_after_s},
        headers={"Retry-After": str(retry_after_s)},
    )
