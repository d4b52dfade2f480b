"""What the mirror answers to a call that would change a session, in Python's terms."""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.refusals import Param, Refusal, RefusalCode
from persistence.errors import Backpressure, IdempotencyMismatch, SessionNotLive
from persistence.records import Call, TagMismatch
from persistence.sessions.session_state import Replied

_params = msgspec.json.Decoder(dict[str, Param])


class StaleCatalog(Exception):
    """The session holds facts of a newer catalog than the caller's; nothing was done."""


def answer_of(reply: Sequence[Any], call: Call) -> Replied | Refusal | TagMismatch:
    """Read a reply of ``session_execute`` or ``session_commit``.

    Raises ``SessionNotLive``, ``StaleCatalog``, ``IdempotencyMismatch``, ``Backpressure``.
    """
    match reply[0]:
        case b"OK" | b"REPLAYED":
            return Replied(reply[1], reply[2], reply[3])
        case b"REFUSED":
            # The mirror's tables have no order, and answers should not differ from run to run.
            params = dict(sorted(_params.decode(reply[2]).items()))
            return Refusal(RefusalCode(reply[1].decode()), params, reply[3])
        case b"RELOAD":
            raise SessionNotLive(reply[1].decode())
        case b"TAG_MISMATCH":
            return TagMismatch(reply[1].decode())
        case b"STALE_CATALOG":
            raise StaleCatalog
        case b"BACKPRESSURE":
            raise Backpressure(f"changes wait for PostgreSQL since {reply[1]} ms")
        case b"IDEMPOTENCY_MISMATCH":
            raise IdempotencyMismatch(call.op_id)
    raise AssertionError(reply)
