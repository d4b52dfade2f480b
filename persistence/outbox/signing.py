"""Signatures of webhooks, as the Standard Webhooks specification has them (symmetric, version 1)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
# What the specification asks for.
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64


def secrets_of(text: str) -> tuple[bytes, ...]:
    """Secrets, each ``whsec_`` and base64, with spaces between; ``ValueError`` that repeats none of them."""
    secrets = []
    for word in text.split():
        try:
            secret = base64.b64decode(word.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not word.startswith(PREFIX) or not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
            raise ValueError(
                f"expected {PREFIX} and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes,"
                " or several such with spaces between"
            )
        secrets.append(secret)
    if not secrets:
        raise ValueError("there is no secret")
    return tuple(secrets)


def signatures(secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one for each secret, so that receivers may change over."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets
    )
