"""What others do to an inventory, as it happens."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from msgspec import Struct

from haversack_client.caller import Caller
from haversack_client.errors import HaversackError, UnexpectedAnswer
from haversack_client.event_frames import Frame, FrameReader
from haversack_client.inventory import Changes

# The service breaks a silence after 15 s.
SILENCE_S: Final = 40.0
# Until the service says how long to wait before coming back.
_RETRY_S: Final = 1.0


class Change(Struct, frozen=True, kw_only=True):
    """One applied call: what it changed, as in its reply. ``id`` is where to go on after it.

    ``at`` in Unix milliseconds; ``ops``: the names of its commands, in order.
    """

    id: str = ""
    tag: str
    seq: int
    at: int
    ops: tuple[str, ...]
    changes: Changes


class Reset(Struct, frozen=True, kw_only=True):
    """The inventory is at ``tag``, and what led there is not told: read it.

    ``reason``: "began", the first event of who has not said where to go on; "lost", what was told before
    has not lasted; "dropped", the ledger does not reach back so far.
    """

    id: str = ""
    tag: str
    seq: int
    reason: str


Event = Change | Reset

_change = msgspec.json.Decoder(Change)
_reset = msgspec.json.Decoder(Reset)


async def follow(
    caller: Caller, path: str, last_event_id: str | None, timeout_s: float | None
) -> AsyncGenerator[Event, None]:
    """Events from ``last_event_id`` on, over as many connections as it takes, each once and in order.

    Raises what stands against a connection, when it is not transient, or when there has been none for
    ``timeout_s``.
    """
    loop = asyncio.get_running_loop()
    timing = caller.timing
    failures, retry_s, ends = 0, 0.0, timing.ends(timeout_s)
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        frames, came = FrameReader(), False
        try:
            async with caller.transport.opened(
                path, timeout_s=min(timing.attempt_timeout_s, ends - loop.time()), headers=headers
            ) as answer:
                try:
                    while data := await answer.more(SILENCE_S):
                        came = True
                        for frame in frames.take(data):
                            last_event_id = frame.id or last_event_id
                            if (event := _event(frame)) is not None:
                                yield event
                        retry_s = _RETRY_S if frames.retry_s is None else frames.retry_s
                finally:
                    if came:
                        # There was a connection until now, whatever took its time: silence, or the caller.
                        failures, ends = 0, timing.ends(timeout_s)
            wait_s = _some_of(retry_s)
        except HaversackError as error:
            wait_s = timing.wait_s(failures + 1, error.retry_after_s) + _some_of(retry_s)
            if not error.transient or loop.time() + wait_s >= ends:
                raise
        failures += 1
        await asyncio.sleep(wait_s)


def _some_of(retry_s: float) -> float:
    """Those whom one server has lost come back spread over the time that it has named."""
    return random.uniform(0.0, retry_s)  # noqa: S311 - spreads load, guards nothing


def _event(frame: Frame) -> Event | None:
    """None for a kind that this version does not know."""
    decoder: msgspec.json.Decoder[Change] | msgspec.json.Decoder[Reset]
    match frame.name:
        case "change":
            decoder = _change
        case "reset":
            decoder = _reset
        case _:
            return None
    try:
        return msgspec.structs.replace(decoder.decode(frame.data), id=frame.id or "")
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"an event cannot be understood: {error}") from error
