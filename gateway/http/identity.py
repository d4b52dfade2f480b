"""Who calls: the name, the rights and the bounds that a token stands for."""

import time
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from gateway.http.operation import Scope
from gateway.http.rates import RateLimiter
from persistence.records import Call

# The identity of HAVERSACK_TOKEN, or of the kept token.
SERVICE: Final = "service"
PLAYER_PREFIX: Final = "player:"


class Trust:
    """What identities rest on: a token of the list, or a key. Once it is revoked, it is for good."""

    __slots__ = ("revoked",)

    def __init__(self) -> None:
        """Begin trusted."""
        self.revoked = False


class Identity:
    """A caller whose token was verified.

    ``name`` is what the ledger says under ``by``. ``char_id`` is the only character that it may ask for,
    None for a service, which may ask for all. ``expires_at`` is in seconds since 1970, None for never.
    """

    __slots__ = (
        "call", "char_id", "characters", "expires_at", "limited", "limiter", "name", "scopes", "trust",
        "unrestricted",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        scopes: Iterable[Scope],
        *,
        char_id: str | None = None,
        expires_at: float | None = None,
        trust: Trust | None = None,
        limiter: RateLimiter | None = None,
        characters: RateLimiter | None = None,
    ) -> None:
        """``limiter`` bounds what it asks for, ``characters`` what all ask for of one character."""
        self.name = name
        self.scopes = frozenset(scopes)
        self.char_id = char_id
        self.expires_at = expires_at
        self.trust = trust or Trust()
        self.limiter = limiter
        self.characters = characters
        self.limited = limiter is not None or characters is not None
        # The call of a command without conditions, which is nearly every call.
        self.call = Call(by=name)
        # Whether a request for any character, with any commands, needs no further look.
        self.unrestricted = char_id is None and not self.limited and self.scopes >= {Scope.PLAY, Scope.GRANT}

    def holds(self) -> bool:
        """Whether it still may what it might when its token was verified.

        To be asked by what outlives a request: a stream, before each frame that it takes or sends.
        """
        return not self.trust.revoked and (self.expires_at is None or time.time() < self.expires_at)

    def call_under(self, request_id: str) -> Call:
        """The call of a command whose only condition is a request id, or none where that is empty."""
        return Call(by=self.name, request_id=request_id) if request_id else self.call


# The gate puts it there before a handler of an operation with a scope is called.
IDENTITY: Final = web.RequestKey("identity", Identity)
