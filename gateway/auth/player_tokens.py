"""Characters' tokens: short-lived JWTs that a studio's own service signs (RFC 7519, RFC 8725)."""

import time
from typing import Any, Final

import jwt
import msgspec
from msgspec import Struct

from gateway.auth.player_keys import HS256, PlayerKey
from gateway.http.identity import PLAYER_PREFIX, Identity
from gateway.http.operation import Scope
from gateway.http.problems import Problem
from gateway.http.rates import RateLimiter
from gateway.http.requests import normal_char_id

# How far the clocks of who signs and of this machine may be apart.
LEEWAY_S: Final = 10
JWT_LENGTH_MAX: Final = 4_096
_SCOPES: Final = {"read": Scope.READ, "play": Scope.PLAY}
_SEGMENTS_DOTS: Final = 2
_REQUIRED: Final = ("exp", "iat", "sub", "aud")


class InvalidPlayerToken(Exception):
    """A token that is not to be believed; ``reason`` is empty where its signature was not right.

    Who has a signed token may know what is wrong with it; to all others it is a wrong token and no more.
    """

    def __init__(self, reason: str = "") -> None:
        """``reason``: a few words for whoever signs."""
        super().__init__(reason)
        self.reason = reason


class _Claims(Struct, frozen=True):
    """Strictly typed: the library would take the text "12" for a number."""

    exp: int | float
    iat: int | float
    sub: str
    aud: str | tuple[str]
    scope: str = "read play"


def looks_like_one(token: str) -> bool:
    """Whether it has the form of a JWT, which no service token has to have.

    A JWT is of ASCII alone; the library would fail on the rest, which a header may have.
    """
    return token.count(".") == _SEGMENTS_DOTS and len(token) <= JWT_LENGTH_MAX and token.isascii()


class PlayerTokens:
    """Verifies tokens by the keys of the setting."""

    def __init__(
        self,
        keys: tuple[PlayerKey, ...],
        *,
        audience: str,
        lifetime_max_s: int,
        limiter: RateLimiter | None = None,
        characters: RateLimiter | None = None,
    ) -> None:
        """``limiter`` bounds each character's tokens together, ``characters`` all that is asked of it."""
        self.keys = keys
        self._audience = audience
        self._lifetime_max_s = lifetime_max_s
        self._limiter = limiter
        self._characters = characters

    def verified(self, token: str) -> Identity:
        """Whose token it is. Raises ``InvalidPlayerToken``.

        Each key verifies by its own algorithm and by no other, so what a token's header says of
        algorithms and keys counts for nothing.
        """
        for key in self.keys:
            try:
                payload = self._signed(token, key)
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            return self._identity(payload, key)
        raise InvalidPlayerToken

    def _signed(self, token: str, key: PlayerKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=self._audience,
                leeway=LEEWAY_S,
                # The claims' types are for ``_Claims``; ``jti`` is one of those that are left aside.
                options={"require": list(_REQUIRED), "verify_sub": False, "verify_jti": False},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise
        except jwt.ExpiredSignatureError:
            raise InvalidPlayerToken("it has expired") from None
        except jwt.ImmatureSignatureError:
            raise InvalidPlayerToken("its iat or nbf is in the future") from None
        except jwt.InvalidAudienceError:
            raise InvalidPlayerToken(f"its aud is not {self._audience}") from None
        except jwt.MissingRequiredClaimError as error:
            raise InvalidPlayerToken(f"it has no {error.claim}") from None
        except jwt.PyJWTError:
            raise InvalidPlayerToken from None

    def _identity(self, payload: dict[str, Any], key: PlayerKey) -> Identity:
        try:
            claims = msgspec.convert(payload, _Claims)
        except msgspec.ValidationError as error:
            raise InvalidPlayerToken(f"a claim is of a wrong type: {error}") from None
        if not 0 < claims.exp - claims.iat <= self._lifetime_max_s:
            raise InvalidPlayerToken(f"exp has to be after iat, by {self._lifetime_max_s} s at most")
        words = claims.scope.split(" ")
        if not all(word in _SCOPES for word in words):
            raise InvalidPlayerToken("its scope may be read, play, or both with a space between")
        try:
            char_id = normal_char_id(claims.sub, "sub")
        except Problem:
            raise InvalidPlayerToken("its sub is not a character's UUID") from None
        return Identity(
            PLAYER_PREFIX + char_id,
            (_SCOPES[word] for word in words),
            char_id=char_id,
            expires_at=claims.exp + LEEWAY_S,
            trust=key.trust,
            limiter=self._limiter,
            characters=self._characters,
        )


def mint(key: PlayerKey, char_id: str, *, audience: str, lifetime_s: int, scopes: tuple[Scope, ...]) -> str:
    """A token for a character, signed by an HS256 key. Raises ``ValueError`` for a public key."""
    if not isinstance(key.material, bytes):
        raise ValueError("the first key is a public one: tokens are signed where its private key is")
    now = int(time.time())
    claims = {
        "sub": char_id,
        "aud": audience,
        "iat": now,
        "exp": now + lifetime_s,
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, key.material, HS256)
