"""Requests that name their character: what bulk bodies and stream frames are made of."""

from time import perf_counter_ns
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from engine.commands import Batch, Command
from gateway.http.condition_values import id_of, operation_id, tag_of
from gateway.http.problems import invalid
from gateway.http.requests import normal_char_id
from gateway.http.spellings import CallerId, CharId, Tag
from persistence.records import Call

# A body or a frame is bounded in bytes as well; 256 KiB have room for about 1,500 moves.
REQUESTS_MAX: Final = 1_000
STREAM_ID_MAX: Final = 2**53 - 1

# What every language's JSON can hold exactly, or a string.
StreamId = Annotated[int, Meta(ge=0, le=STREAM_ID_MAX)] | Annotated[str, Meta(max_length=128)]


class AddressedRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Commands for one character, in order, all or nothing, and the conditions they are done under.

    The conditions are those of the headers ``Idempotency-Key``, ``If-Match`` and
    ``Inventory-Durability``, and of the parameter ``dry_run``; null says nothing.
    """

    char_id: CharId
    commands: Batch
    idempotency_key: CallerId | None = None
    if_match: Tag | None = None
    durability: Literal["memory", "durable"] | None = None
    dry_run: bool = False


class StreamRequest(AddressedRequest, forbid_unknown_fields=True, kw_only=True):
    """A request on a stream: ``id`` comes back with its answer, ``request_id`` goes to the journal."""

    id: StreamId
    request_id: CallerId | None = None


class BulkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"requests": [{"char_id", "commands", …}, …]}``: 1 to 1,000, each all or nothing by itself."""

    requests: Annotated[list[AddressedRequest], Meta(min_length=1, max_length=REQUESTS_MAX)]


class Job:
    """A request that was understood, on its way to an answer; ``ticket`` says where that goes."""

    __slots__ = ("call", "char_id", "commands", "dry_run", "since", "ticket")

    def __init__(
        self,
        char_id: str,
        commands: tuple[Command, ...],
        call: Call,
        ticket: Any,  # noqa: ANN401 - its maker's own
        *,
        dry_run: bool = False,
    ) -> None:
        """``char_id`` in its normal spelling; ``since``: when it was read, by ``perf_counter_ns``."""
        self.char_id = char_id
        self.commands = commands
        self.call = call
        self.ticket = ticket
        self.dry_run = dry_run
        self.since = perf_counter_ns()


def job_of(
    request: AddressedRequest,
    ticket: Any,  # noqa: ANN401 - the caller's own
    usual: Call,
    commands_max: int,
    *,
    within: str = "",
) -> Job:
    """What the request asks for; ``usual`` is the call of one without conditions.

    400 for what its types cannot tell, ``within`` beginning the paths: a character's id that is none,
    a condition that makes no sense, more commands than ``commands_max``, the ruleset's limit.
    """
    commands = request.commands
    if len(commands) > commands_max:
        raise invalid(f"{within}commands", f"expected at most {commands_max} commands")
    return Job(
        normal_char_id(request.char_id, within + "char_id"),
        commands,
        _call_of(request, usual, within),
        ticket,
        dry_run=request.dry_run,
    )


def _call_of(request: AddressedRequest, usual: Call, within: str) -> Call:
    key, tag, durability = request.idempotency_key, request.if_match, request.durability
    request_id = request.request_id if isinstance(request, StreamRequest) else None
    if key is None and tag is None and durability is None and request_id is None:
        return usual
    return Call(
        by=usual.by,
        request_id=usual.request_id if request_id is None else id_of(request_id, f"{within}request_id"),
        op_id=operation_id(key, usual.by, f"{within}idempotency_key"),
        if_match="" if tag is None else tag_of(tag, f"{within}if_match"),
        durable=durability == "durable",
    )
