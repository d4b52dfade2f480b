"""Settings: from the environment, with the command line's values over them."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from engine.shipped import check_name

PREFIX: Final = "HAVERSACK_"
REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "redis+cluster")
DATABASE_SCHEMES: Final = ("postgresql",)
PORT_MAX: Final = 65_535
FLUSH_INTERVAL_MS_MAX: Final = 60_000
IDLE_EVICT_S_MAX: Final = 7 * 24 * 3600
UNFLUSHED_MAX_S_MAX: Final = 24 * 3600
JOURNAL_KEEP_DAYS_MAX: Final = 36_500
# A cluster has this many hash slots, so more shards than that would share them anyway.
SHARDS_MAX: Final = 16_384
WORKERS_MAX: Final = 64

_NUMBER = re.compile(r"[0-9]{1,9}")
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,255}")
# The characters that RFC 6750 allows in a bearer token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,512}={0,2}")
# Braces would be taken for a cluster's hash tag.
_KEY_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


class SettingsError(ValueError):
    """Settings that cannot be used; ``errors`` has one each, by variable or option, never its value."""

    def __init__(self, errors: list[str]) -> None:
        """Remember all of them."""
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """How to serve. Source of the fields and defaults: the README's table of settings.

    ``redis_url`` and ``database_url`` are None for the embedded servers, whose files are in
    ``data_dir``; ``token`` is None until the kept one was read; ``ruleset`` is what
    ``read_ruleset`` takes, a shipped one's name or a path. Raises ``SettingsError`` for values
    that do not go together.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    redis_url: str | None = None
    database_url: str | None = None
    data_dir: Path = Path(".haversack")
    token: str | None = None
    ruleset: str = "haversack"
    flush_interval_ms: int = 100
    idle_evict_s: int = 900
    unflushed_max_s: int = 30
    journal_keep_days: int = 0
    shards: int = 1
    key_prefix: str = "inventory:"

    def __post_init__(self) -> None:
        """Refuse what would be open to the network under a token nobody chose, and half a cluster."""
        errors = []
        if self.token is None and not is_loopback(self.host):
            errors.append("HAVERSACK_TOKEN: must be set when HAVERSACK_HOST is not a loopback address")
        if self.shards == 1 and self.redis_url is not None and self.redis_url.startswith("redis+cluster:"):
            errors.append("HAVERSACK_SHARDS: must be more than 1 on a cluster")
        if errors:
            raise SettingsError(errors)

    def __repr__(self) -> str:
        """All fields but secrets: of URLs no user, password or query, of the token only that it is."""
        shown: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        shown["redis_url"] = redacted(self.redis_url)
        shown["database_url"] = redacted(self.database_url)
        shown["token"] = None if self.token is None else "…"
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @classmethod
    def read(cls, environ: Mapping[str, str], options: Mapping[str, str | None] | None = None) -> Self:
        """Read ``HAVERSACK_*``; ``options``, by field name, count more, those that are None not at all.

        A variable that is set to nothing counts as not set. Raises ``SettingsError`` with all
        that is wrong.
        """
        values: dict[str, Any] = {}
        errors: list[str] = []
        for name, parse in _PARSERS.items():
            source = "--" + name.replace("_", "-")
            text = (options or {}).get(name)
            if text is None:
                source = PREFIX + name.upper()
                text = environ.get(source) or None
            if text is None:
                continue
            try:
                values[name] = parse(text)
            except ValueError as error:
                errors.append(f"{source}: {error}")
        if errors:
            raise SettingsError(errors)
        return cls(**values)


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


def valid_token(text: str) -> bool:
    """Whether the text can be sent as a bearer token."""
    return _TOKEN.fullmatch(text) is not None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("expected an address or a host name")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # int() alone would take "1_0", " 7" and the digits of other scripts.
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def _url(schemes: tuple[str, ...]) -> Callable[[str], str]:
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


def _path(text: str) -> Path:
    if "\0" in text or not text:
        raise ValueError("expected a path")
    return Path(text)


def _ruleset(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected the name of a shipped ruleset, or a path")
    check_name(text)
    return text


def _token(text: str) -> str:
    if not valid_token(text):
        raise ValueError("expected 1 to 512 of the characters A-Z a-z 0-9 . _ ~ + / -")
    return text


def _key_prefix(text: str) -> str:
    if not _KEY_PREFIX.fullmatch(text):
        raise ValueError("expected 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
    return text


_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "host": _host,
    "port": _number(0, PORT_MAX),
    "workers": _number(1, WORKERS_MAX),
    "redis_url": _url(REDIS_SCHEMES),
    "database_url": _url(DATABASE_SCHEMES),
    "data_dir": _path,
    "token": _token,
    "ruleset": _ruleset,
    "flush_interval_ms": _number(1, FLUSH_INTERVAL_MS_MAX),
    "idle_evict_s": _number(1, IDLE_EVICT_S_MAX),
    "unflushed_max_s": _number(1, UNFLUSHED_MAX_S_MAX),
    "journal_keep_days": _number(0, JOURNAL_KEEP_DAYS_MAX),
    "shards": _number(1, SHARDS_MAX),
    "key_prefix": _key_prefix,
}
