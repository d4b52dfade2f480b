"""Replies that no encoder of ours makes from one struct: finished texts, and parts that are joined.

The mirror writes a command's reply itself, and bulk bodies are joined of such texts. These structs
say what is in them, for the OpenAPI document and for whoever decodes replies.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from engine.outcome import Capacity, Changes, Effect, Told


class CommandReply(Struct, frozen=True, kw_only=True):
    """What a command, or a batch of them, has come to.

    ``durable_seq``: the last seq that PostgreSQL is known to have. ``tag``: ``<incarnation>.<seq>``,
    for ``If-Match``. ``replayed``: the first reply to the operation id, once more. ``capacity`` is
    that of the containers that the call touched. ``not_placed`` and ``effect`` are what one command
    has to tell; where several have, each has its entry in ``told`` instead.
    """

    seq: int
    durable_seq: int
    tag: str
    replayed: bool
    changes: Changes
    not_placed: int | UnsetType = UNSET
    effect: Effect | UnsetType = UNSET
    told: list[Told] | UnsetType = UNSET
    capacity: Capacity


class Plan(Struct, frozen=True, kw_only=True):
    """What a command would come to: the answer of a dry run, after which nothing has changed."""

    changes: Changes
    not_placed: int | UnsetType = UNSET
    effect: Effect | UnsetType = UNSET
    told: list[Told] | UnsetType = UNSET
    capacity: Capacity


# What one of several requests is answered by; msgspec has no unions of structs without a tag.
Answer = Annotated[
    Any,
    Meta(
        extra_json_schema={
            "anyOf": [
                {"$ref": f"#/components/schemas/{name}"}
                for name in ("CommandReply", "Plan", "ProblemDocument")
            ]
        }
    ),
]


class BulkReply(Struct, frozen=True):
    """Answers in the order of the requests; a problem is told by its ``code``."""

    replies: list[Answer]


class Alive(Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"]


class Ready(Struct, frozen=True):
    """All that serving needs is there, each under its name."""

    status: Literal["ok"]
    checks: dict[str, str]
