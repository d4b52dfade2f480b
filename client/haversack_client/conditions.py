"""The conditions under which commands are carried out."""

from typing import Final, TypedDict
from uuid import uuid4

from msgspec import Struct


class Conditions(TypedDict, total=False):
    """What every command takes beside its own fields.

    ``idempotency_key``: 1 to 128 printable ASCII characters by which the service knows the call again;
    without it one is made for each call. Give one of your own where the same deed may be called for
    twice, such as the id of a quest's reward. ``idempotent`` False: no key, and no repeats.
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


_NAMES: Final = frozenset(Conditions.__annotations__)


def new_key() -> str:
    """A key that nobody else makes."""
    return uuid4().hex


def terms_of(conditions: Conditions) -> Terms:
    """``ValueError`` for a key on a call that is to have none; ``TypeError`` for what is no condition."""
    if unknown := conditions.keys() - _NAMES:
        raise TypeError(f"not among the conditions of a command: {', '.join(sorted(unknown))}")
    key = conditions.get("idempotency_key")
    if not conditions.get("idempotent", True):
        if key is not None:
            raise ValueError("idempotency_key has no meaning with idempotent=False")
    elif key is None:
        key = new_key()
    return Terms(
        key=key,
        if_match=conditions.get("if_match"),
        durable=conditions.get("durable", False),
        request_id=conditions.get("request_id"),
        timeout_s=conditions.get("timeout_s"),
    )
