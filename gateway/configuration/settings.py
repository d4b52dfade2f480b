"""Settings: from the environment, with the command line's values over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from gateway.configuration import kinds
from gateway.configuration.urls import DATABASE_SCHEMES, is_loopback, items_url, redacted, url_with
from gateway.http.rates import Rate, rate_of
from persistence.outbox.target import REDIS_SCHEMES as OUTBOX_REDIS_SCHEMES
from persistence.outbox.target import WEB_SCHEMES, is_webhook
from persistence.outbox.target import check_url as check_outbox_url

PREFIX: Final = "HAVERSACK_"
REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "redis+cluster")
OUTBOX_SCHEMES: Final = (*WEB_SCHEMES, *OUTBOX_REDIS_SCHEMES)
PORT_MAX: Final = 65_535
FLUSH_INTERVAL_MS_MAX: Final = 60_000
IDLE_EVICT_S_MAX: Final = 7 * 24 * 3600
UNFLUSHED_MAX_S_MAX: Final = 24 * 3600
JOURNAL_KEEP_DAYS_MAX: Final = 36_500
# A cluster has this many hash slots, so more shards than that would share them anyway.
SHARDS_MAX: Final = 16_384
WORKERS_MAX: Final = 64
ITEMS_POLL_S_MAX: Final = 24 * 3600
PLAYER_TOKEN_MAX_S_MAX: Final = 24 * 3600
CONNECTIONS_MAX_MAX: Final = 1_000_000
REQUEST_TIMEOUT_S_MAX: Final = 3600
KEEPALIVE_S_MAX: Final = 24 * 3600
# Where the network can reach it, a token must not be one that can be guessed. 32 characters are what
# `openssl rand -hex 16` prints: 128 bits.
TOKEN_LENGTH_MIN: Final = 32
RATE_PLAYER: Final = Rate(50, 200)


class SettingsError(ValueError):
    """Settings that cannot be used; ``errors`` has one each, by variable or option, never its value."""

    def __init__(self, errors: list[str]) -> None:
        """Remember all of them."""
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """How to serve. Source of the fields and defaults: docs/settings.md.

    ``redis_url`` and ``database_url`` are None for the embedded servers, whose files are in
    ``data_dir``; ``token`` is None until the kept one was read, and where only the tokens of the file
    ``tokens`` are let in; ``ruleset`` is what ``read_ruleset`` takes, a shipped one's name or a path.
    Raises ``SettingsError`` for values that do not go together.
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
    items_url: str | None = None
    items_token: str | None = None
    items_poll_s: int = 30
    outbox_url: str | None = None
    outbox_secret: str | None = None
    outbox_plain_http: int = 0
    tokens: Path | None = None
    player_key: str | None = None
    player_audience: str = "haversack"
    player_token_max_s: int = 3600
    rate_token: Rate | None = None
    rate_player: Rate | None = RATE_PLAYER
    rate_character: Rate | None = None
    connections_max: int = 4096
    request_timeout_s: int = 30
    keepalive_s: int = 120
    tls_cert: Path | None = None
    tls_key: Path | None = None
    metrics: str = "loopback"
    log: str = "text"
    log_level: str = "info"
    access_log: str = "off"

    def __post_init__(self) -> None:
        """Refuse what would be open to the network under no token or a short one, and half a cluster."""
        errors = [] if is_loopback(self.host) else self._token_errors()
        if (self.tls_cert is None) is not (self.tls_key is None):
            errors.append("HAVERSACK_TLS_CERT: is needed with HAVERSACK_TLS_KEY, and the other way round")
        if self.shards == 1 and self.redis_url is not None and self.redis_url.startswith("redis+cluster:"):
            errors.append("HAVERSACK_SHARDS: must be more than 1 on a cluster")
        if self.items_token is not None and self.items_url is None:
            errors.append("HAVERSACK_ITEMS_TOKEN: there is no HAVERSACK_ITEMS_URL to send it to")
        errors += self._outbox_errors()
        if errors:
            raise SettingsError(errors)

    def _token_errors(self) -> list[str]:
        if self.token is not None and len(self.token) < TOKEN_LENGTH_MIN:
            return [
                f"HAVERSACK_TOKEN: must have {TOKEN_LENGTH_MIN} characters or more when HAVERSACK_HOST is not"
                " a loopback address"
            ]
        if self.token is None and self.tokens is None:
            return [
                "HAVERSACK_TOKEN: must be set when HAVERSACK_HOST is not a loopback address,"
                " or HAVERSACK_TOKENS"
            ]
        return []

    def _outbox_errors(self) -> list[str]:
        if self.outbox_url is None:
            return ["HAVERSACK_OUTBOX_SECRET: there is no HAVERSACK_OUTBOX_URL"] if self.outbox_secret else []
        try:
            check_outbox_url(self.outbox_url, plain_http=bool(self.outbox_plain_http))
        except ValueError as error:
            return [f"HAVERSACK_OUTBOX_URL: {error}"]
        if is_webhook(self.outbox_url) and self.outbox_secret is None:
            return ["HAVERSACK_OUTBOX_SECRET: must be set, for deliveries to be signed"]
        return []

    def __repr__(self) -> str:
        """All fields but secrets: of URLs no user, password or query, of the token only that it is."""
        shown: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        shown["redis_url"] = redacted(self.redis_url)
        shown["database_url"] = redacted(self.database_url)
        shown["token"] = None if self.token is None else "…"
        shown["items_url"] = redacted(self.items_url)
        shown["outbox_url"] = redacted(self.outbox_url)
        shown["outbox_secret"] = None if self.outbox_secret is None else "…"
        shown["items_token"] = None if self.items_token is None else "…"
        shown["player_key"] = None if self.player_key is None else "…"
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


_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "host": kinds.host,
    "port": kinds.number(0, PORT_MAX),
    "workers": kinds.number(1, WORKERS_MAX),
    "redis_url": url_with(REDIS_SCHEMES),
    "database_url": url_with(DATABASE_SCHEMES),
    "data_dir": kinds.path,
    "token": kinds.token,
    "ruleset": kinds.ruleset,
    "flush_interval_ms": kinds.number(1, FLUSH_INTERVAL_MS_MAX),
    "idle_evict_s": kinds.number(1, IDLE_EVICT_S_MAX),
    "unflushed_max_s": kinds.number(1, UNFLUSHED_MAX_S_MAX),
    "journal_keep_days": kinds.number(0, JOURNAL_KEEP_DAYS_MAX),
    "shards": kinds.number(1, SHARDS_MAX),
    "key_prefix": kinds.key_prefix,
    "items_url": items_url,
    "items_token": kinds.token,
    "items_poll_s": kinds.number(1, ITEMS_POLL_S_MAX),
    "outbox_url": url_with(OUTBOX_SCHEMES),
    "outbox_secret": kinds.outbox_secret,
    "outbox_plain_http": kinds.number(0, 1),
    "tokens": kinds.path,
    "player_key": kinds.player_key,
    "player_audience": kinds.audience,
    "player_token_max_s": kinds.number(1, PLAYER_TOKEN_MAX_S_MAX),
    "rate_token": rate_of,
    "rate_player": rate_of,
    "rate_character": rate_of,
    "connections_max": kinds.number(1, CONNECTIONS_MAX_MAX),
    "request_timeout_s": kinds.number(1, REQUEST_TIMEOUT_S_MAX),
    "keepalive_s": kinds.number(1, KEEPALIVE_S_MAX),
    "tls_cert": kinds.path,
    "tls_key": kinds.path,
    "metrics": kinds.one_of("loopback", "token", "open", "off"),
    "log": kinds.one_of("text", "json"),
    "log_level": kinds.one_of("debug", "info", "warning", "error"),
    "access_log": kinds.one_of("off", "on"),
}
