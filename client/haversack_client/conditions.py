"""The conditions under which commands are carried out."""

import re
from typing import Final, TypedDict
from uuid import uuid4

from msgspec import Struct


class Conditions(TypedDict, total=False):
    """What every command takes beside its own fields.

    ``idempotency_key``: 1 to 128 printable ASCII characters, no space at either end, by which the service
    knows the call again; without it one is made for each call. Give one of your own where the same deed
    may be called for twice, such as the id of a quest's reward. ``idempotent`` False: no key, and no repeats.
    ``if_match``: a reply's ``tag``; ``TagMismatch`` if the inventory is at another. ``durable``: answer
    when PostgreSQL has it. ``request_id``: kept in the ledger. ``timeout_s``: for all attempts.
    """

    idempotency_key: str
    idempotent: bool
    if_match: str
    durable: bool
    request_id: str
    timeout_s: float


class Terms(Struct, frozen=True):
    """The conditions of one call, its key made; None where it is to have none."""

    key: str | None
    if_match: str | None = None
    durable: bool = False
    request_id: str | None = None
    timeout_s: float | None = None

    @property
    def repeats(self) -> bool:
        """Only what the service would know again may be sent again."""
        return self.key is not None

    def headers(self) -> dict[str, str]:
        """The headers of a single command."""
        headers = {}
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        if self.if_match is not None:
            headers["If-Match"] = self.if_match
        if self.durable:
            headers["Inventory-Durability"] = "durable"
        if self.request_id is not None:
            headers["X-Request-Id"] = self.request_id
        return headers


# A header loses spaces at its ends, and a body keeps them.
_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?")
_NAMES: Final = frozenset(Conditions.__annotations__)


def new_key() -> str:
    """A key that nobody else makes."""
    return uuid4().hex


def checked_key(key: str) -> str:
    """The same; ``ValueError`` for what the service would not take, or take for another in a header."""
    if _KEY.fullmatch(key) is None:
        raise ValueError(
            "idempotency_key: expected 1 to 128 printable ASCII characters, no space at either end,"
            f" got {key!r}"
        )
    return key


def terms_of(conditions: Conditions) -> Terms:
    """``ValueError`` for a bad key, or one on a call that has none; ``TypeError`` for other conditions."""
    if unknown := conditions.keys() - _NAMES:
        raise TypeError(f"not among the conditions of a command: {', '.join(sorted(unknown))}")
    key = conditions.get("idempotency_key")
    if not conditions.get("idempotent", True):
        if key is not None:
            raise ValueError("idempotency_key has no meaning with idempotent=False")
    else:
        key = new_key() if key is None else checked_key(key)
    return Terms(
        key=key,
        if_match=conditions.get("if_match"),
        durable=conditions.get("durable", False),
        request_id=conditions.get("request_id"),
        timeout_s=conditions.get("timeout_s"),
    )
