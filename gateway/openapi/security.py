"""Who may call what: the two kinds of tokens, and the scope that each operation needs."""

from typing import Any, Final

from gateway.auth.access import is_for_players
from gateway.http.operation import Operation

_SERVICE: Final = "serviceToken"
_CHARACTER: Final = "characterToken"


def security_schemes() -> dict[str, Any]:
    """``components.securitySchemes``."""
    return {
        _SERVICE: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of a service of the game. It has scopes, of which none includes another: "
            "`read`, `play`, `grant`, `operate`.",
        },
        _CHARACTER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of one character, short-lived, for a game client: `read` and `play` at "
            "most, and only for that character.",
        },
    }


def requirements(operation: Operation) -> list[dict[str, list[str]]]:
    """``security``: any one of these will do; empty where nobody is asked for a token."""
    if operation.scope is None:
        return []
    needed = [operation.scope.value]
    found = [{_SERVICE: needed}]
    if is_for_players(operation):
        found.append({_CHARACTER: needed})
    return found
