"""The service's bearer token."""

import hashlib
import hmac

from aiohttp import web

from gateway.problems import Problem


class BearerAuth:
    """Knows whether a request carries the token (RFC 6750, the header's form only)."""

    def __init__(self, token: str) -> None:
        """Keep the token's hash and that of the usual header; the token itself is not kept."""
        self._token_digest = _digest(token)
        self._header_digest = _digest(f"Bearer {token}")

    def admits(self, request: web.Request) -> bool:
        """Whether the request has an ``Authorization: Bearer`` header with the token.

        Hashes are compared, in constant time, so that the time taken tells nothing of the
        token's characters nor of its length.
        """
        value = request.headers.get("Authorization")
        if value is None:
            return False
        if hmac.compare_digest(_digest(value), self._header_digest):
            return True
        # The scheme's letters may be small and the spaces many, which costs more to see.
        scheme, _, token = value.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._token_digest)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def unauthenticated(request: web.Request) -> Problem:
    """401; RFC 6750 section 3.1: no error code when the caller gave no credentials at all."""
    challenge = 'Bearer realm="haversack"'
    if "Authorization" in request.headers:
        challenge += ', error="invalid_token"'
    return Problem("UNAUTHENTICATED", headers={"WWW-Authenticate": challenge})
