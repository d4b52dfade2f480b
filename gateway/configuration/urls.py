"""Settings that are URLs: what they may be, and how they may be shown."""

import ipaddress
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

DATABASE_SCHEMES: Final = ("postgresql",)

_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``; a name other than localhost may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redacted(url: str | None) -> str | None:
    """A URL that may be shown: without user, password and query."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def url_with(schemes: tuple[str, ...]) -> Callable[[str], str]:
    """A kind of URL; its ``ValueError`` does not repeat what was given, which may hold a password."""

    def parse(text: str) -> str:
        expected = "expected a URL that begins with " + " or ".join(f"{scheme}://" for scheme in schemes)
        scheme, separator, _ = text.partition("://")
        if scheme not in schemes or not separator or _UNPRINTABLE.search(text):
            raise ValueError(expected)
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            # The original names what it cannot parse, and that may be the password.
            raise ValueError("the URL's host or port cannot be understood") from None
        if scheme == "unix":
            if host is not None or not parts.path.startswith("/"):
                raise ValueError("expected unix:// and the absolute path of a socket")
        elif host is None and scheme not in DATABASE_SCHEMES:
            raise ValueError("the URL has no host")
        return text

    return parse


def items_url(text: str) -> str:
    """The URL of an item service; ``ValueError`` where a token could be read on its way there."""
    text = url_with(("https", "http"))(text)
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password is not sent: use HAVERSACK_ITEMS_TOKEN")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("expected https://, or http:// to this machine")
    if parts.fragment:
        raise ValueError("a fragment is not sent")
    return text
