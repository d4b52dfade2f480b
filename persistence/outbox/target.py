"""From a setting to where changes are delivered."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from persistence.outbox.redis_stream import RedisStreamSink
from persistence.outbox.sink import Sink
from persistence.outbox.webhook import WebhookSink
from persistence.url_files import TLS_OF_REDIS

WEB_SCHEMES: Final = ("https", "http")
REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
STREAM: Final = "haversack:changes"
STREAM_LENGTH_MAX: Final = 1_000_000


def is_webhook(url: str) -> bool:
    """Whether deliveries go by HTTP, and have to be signed."""
    return urlsplit(url).scheme in WEB_SCHEMES


def check_url(url: str, *, plain_http: bool = False) -> str:
    """The URL, if changes can be delivered there; ``ValueError`` that does not repeat it.

    ``plain_http``: what is delivered may be read on its way to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme in REDIS_SCHEMES:
        _stream_of(parts)
        return url
    if parts.scheme not in WEB_SCHEMES:
        raise ValueError("expected https://, redis://, rediss:// or unix://")
    if not parts.hostname:
        raise ValueError("the URL has no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password is not sent: the receiver knows deliveries by their signature")
    if parts.fragment:
        raise ValueError("a fragment is not sent")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname):
        raise ValueError("expected https://, or http:// to this machine")
    return url


def sink_of(url: str, secrets: Sequence[bytes]) -> Sink:
    """What delivers to a URL that was checked; raises ``ValueError`` for one of Redis that cannot be read."""
    parts = urlsplit(url)
    if parts.scheme in WEB_SCHEMES:
        return WebhookSink(url, secrets)
    stream, length_max, others = _stream_of(parts)
    server = url.partition("?")[0]
    return RedisStreamSink(f"{server}?{urlencode(others)}" if others else server, stream, length_max)


def _stream_of(parts: SplitResult) -> tuple[str, int, Mapping[str, str]]:
    """The stream, its greatest length, and what else is said of the server's URL."""
    query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    stream = query.pop("stream", [STREAM])
    length = query.pop("maxlen", [str(STREAM_LENGTH_MAX)])
    known = ("db", *TLS_OF_REDIS) if parts.scheme == "rediss" else ("db",)
    if not query.keys() <= set(known):
        raise ValueError(f"expected nothing but {', '.join(('stream', 'maxlen', *known))} behind the ?")
    for name, values in query.items():
        if len(values) != 1:
            raise ValueError(f"{name}: expected it once")
    if len(stream) != 1 or not 1 <= len(stream[0]) <= 512:
        raise ValueError("stream: expected one name")
    digits = length[0]
    if len(length) != 1 or not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        raise ValueError("maxlen: expected a number")
    if int(digits) < 1:
        raise ValueError("maxlen: expected a number from 1 on")
    return stream[0], int(digits), {name: value for name, (value,) in query.items()}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
