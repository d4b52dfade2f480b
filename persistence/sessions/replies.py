"""The parts of a reply that is made in Python: what a preview shows, and what a commit hands over.

The mirror writes the same texts itself for what it applies (``lua/rules/reply.lua``).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.outcome import Applied, Told

_encode = msgspec.json.encode


class ReplyParts(Struct, frozen=True):
    """JSON texts: the object of changes, members that go beside it (or nothing), the capacity."""

    changes: bytes
    told: bytes
    capacity: bytes


def reply_parts(applied: Applied) -> ReplyParts:
    """What was applied, as a reply has it."""
    members = told_members(applied.told)
    told = b"," + _encode(members)[1:-1] if members else b""
    return ReplyParts(_encode(applied.changes), told, _encode(applied.capacity))


def told_members(told: Sequence[Told]) -> dict[str, Any]:
    """One thing that is told stands by itself; several stand each with its command's index."""
    if len(told) > 1:
        return {"told": list(told)}
    members: dict[str, Any] = {}
    for one in told:
        if one.not_placed is not None:
            members["not_placed"] = one.not_placed
        if one.effect is not None:
            members["effect"] = one.effect
    return members
