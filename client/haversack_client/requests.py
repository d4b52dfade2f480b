"""Requests that name their character: what bodies of many and frames of a stream are made of."""

from typing import Literal
from uuid import UUID

from msgspec import Struct

from haversack_client.bounds import StreamId, normal_char_id
from haversack_client.commands import Command, Commands


class Request(Struct, omit_defaults=True, kw_only=True):
    """Commands for one character, in order, all or nothing, and the conditions they are done under.

    Without ``idempotency_key`` one is made. ``durability`` and ``if_match`` as in ``Conditions``.
    """

    char_id: str
    commands: Commands
    idempotency_key: str | None = None
    if_match: str | None = None
    durability: Literal["memory", "durable"] | None = None


class StreamRequest(Request, omit_defaults=True, kw_only=True):
    """A request on a stream: ``id`` comes back with its answer."""

    id: StreamId
    request_id: str | None = None


def request(char_id: str | UUID, *commands: Command, idempotency_key: str | None = None) -> Request:
    """The usual request, written shortly."""
    return Request(char_id=normal_char_id(char_id), commands=commands, idempotency_key=idempotency_key)
