"""Bearer tokens (RFC 6750, the header's form only): from a request to who makes it."""

import hashlib
import secrets
import time
from hmac import compare_digest
from typing import Final

from aiohttp import hdrs, web

from gateway.auth.credentials import Credentials, token_digest
from gateway.auth.player_keys import PlayerKey
from gateway.auth.player_tokens import InvalidPlayerToken, PlayerTokens, looks_like_one
from gateway.auth.token_file import ServiceToken
from gateway.configuration.settings import Settings
from gateway.http.identity import Identity
from gateway.http.problems import Problem, invalid
from gateway.http.rates import Rate, RateLimiter

# Verified tokens that are remembered, of 200 bytes each and their identities.
KNOWN_MAX: Final = 20_000
_PREFIX: Final = "Bearer "
_EXPIRED: Final = "it has expired"


class BearerAuth:
    """Knows by whose token a request is made.

    A token that was verified is remembered by its digest under a key that this process has made up and
    keeps to itself. So nobody knows the digest of what they send, and how long it takes to look it up,
    or to find out that it is not there, tells nothing of the tokens that are. One that is not
    remembered is hashed and compared with every service token, to the end and in constant time; what
    has the form of a JWT and is none of those is then verified by the players' keys.
    """

    def __init__(self, credentials: Credentials, settings: Settings) -> None:
        """``settings`` say the rates, and what a character's token must be like."""
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, Identity] = {}
        self._services: dict[ServiceToken, Identity] = {}
        self._rate = settings.rate_token
        self._characters = _limiter(settings.rate_character)
        self._players = PlayerTokens(
            (),
            audience=settings.player_audience,
            lifetime_max_s=settings.player_token_max_s,
            limiter=_limiter(settings.rate_player),
            characters=self._characters,
        )
        self.replace(credentials)

    def replace(self, credentials: Credentials) -> None:
        """Let in those, and nobody else from now on. What is as it was keeps its streams and its rates."""
        before = self._services
        self._services = {
            token: before[token] if token in before else self._identity(token) for token in credentials.tokens
        }
        for token in before.keys() - self._services.keys():
            before[token].trust.revoked = True
        self._players.keys = _kept(self._players.keys, credentials.keys)
        self._known.clear()

    def identify(self, request: web.Request) -> Identity:
        """Who makes the request. Raises the problem 401, or 400 for two tokens."""
        values = request.headers.getall(hdrs.AUTHORIZATION, ())
        if not values:
            raise unauthenticated()
        if len(values) > 1:
            # Something in front of this may have looked at the other one.
            raise invalid("Authorization", "given twice")
        value = values[0]
        token = value[7:].lstrip(" ") if value[:7] == _PREFIX else _token_of(value)
        digest = hashlib.blake2s(token.encode("utf-8", "surrogateescape"), key=self._key).digest()
        identity = self._known.get(digest)
        if identity is None:
            identity = self._verified(token)
            if len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[digest] = identity
        elif identity.expires_at is not None and identity.expires_at <= time.time():
            del self._known[digest]
            raise unauthenticated(_EXPIRED)
        return identity

    def _verified(self, token: str) -> Identity:
        identity = self._service(token)
        if identity is not None:
            if not identity.holds():
                raise unauthenticated(_EXPIRED)
            return identity
        if self._players.keys and looks_like_one(token):
            try:
                return self._players.verified(token)
            except InvalidPlayerToken as invalid:
                raise unauthenticated(invalid.reason) from None
        raise unauthenticated("")

    def _service(self, token: str) -> Identity | None:
        """Compares with all of them, wherever it may have found the right one."""
        found = None
        digest = token_digest(token)
        for known, identity in self._services.items():
            if compare_digest(known.digest, digest):
                found = identity
        return found

    def _identity(self, token: ServiceToken) -> Identity:
        return Identity(
            token.name,
            token.scopes,
            expires_at=token.expires_at,
            limiter=None if token.unlimited else _limiter(token.rate or self._rate),
            characters=self._characters,
        )


def unauthenticated(reason: str | None = None) -> Problem:
    """401. ``reason``: what is wrong with the token, empty for a wrong one; None where there was none.

    RFC 6750 section 3.1: no error code when the caller gave no credentials at all.
    """
    challenge = 'Bearer realm="haversack"'
    if reason is not None:
        challenge += ', error="invalid_token"'
    detail = f"The token cannot be used: {reason}." if reason else ""
    return Problem("UNAUTHENTICATED", detail, headers={"WWW-Authenticate": challenge})


def _token_of(value: str) -> str:
    # The scheme's letters may be small.
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer":
        raise unauthenticated("")
    return token.strip()


def _limiter(rate: Rate | None) -> RateLimiter | None:
    return None if rate is None else RateLimiter(rate)


def _kept(before: tuple[PlayerKey, ...], now: tuple[PlayerKey, ...]) -> tuple[PlayerKey, ...]:
    """The keys of ``now``, those that were there before as they were; what is there no more is revoked."""
    known = {(key.algorithm, key.fingerprint): key for key in before}
    kept = tuple(known.pop((key.algorithm, key.fingerprint), key) for key in now)
    for gone in known.values():
        gone.trust.revoked = True
    return kept
