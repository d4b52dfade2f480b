"""How long a caller may take, and how many there may be."""

from dataclasses import dataclass

from aiohttp import web


class BodyTimedOut(web.RequestPayloadError):
    """A body that did not come in time; whoever waits for it gets this instead."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of one process. Sources: `HAVERSACK_CONNECTIONS_MAX`, `…_REQUEST_TIMEOUT_S`, `…_KEEPALIVE_S`."""

    connections_max: int = 4_096
    request_timeout_s: float = 30
    keepalive_s: float = 120
