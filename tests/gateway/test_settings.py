"""Settings: bounds, precedence, and nothing secret shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.configuration.settings import Settings, SettingsError
from gateway.configuration.urls import is_loopback, redacted
from gateway.http.rates import Rate

SECRET = "a-secret-of-at-least-32-characters"
TOKEN = "s3cret.-_~+/of-32-characters-or-more="
REDIS = "rediss://user:hunter2@cache.example:6380/3?password=hunter2"
POSTGRES = "postgresql://user:hunter2@[::1]:5433/game?sslpassword=hunter2"


def test_defaults() -> None:
    assert Settings.read({}) == Settings(
        host="127.0.0.1",
        port=8080,
        workers=1,
        redis_url=None,
        database_url=None,
        data_dir=Path(".haversack"),
        token=None,
        ruleset="haversack",
        flush_interval_ms=100,
        idle_evict_s=900,
        unflushed_max_s=30,
        journal_keep_days=0,
        shards=1,
        key_prefix="inventory:",
        tokens=None,
        player_key=None,
        player_audience="haversack",
        player_token_max_s=3600,
        rate_token=None,
        rate_player=Rate(50, 200),
        rate_character=None,
        connections_max=4096,
        request_timeout_s=30,
        keepalive_s=120,
        tls_cert=None,
        tls_key=None,
    )


def test_everything_set() -> None:
    environ = {
        "HAVERSACK_HOST": "0.0.0.0",
        "HAVERSACK_PORT": "0",
        "HAVERSACK_WORKERS": "4",
        "HAVERSACK_REDIS_URL": REDIS,
        "HAVERSACK_DATABASE_URL": POSTGRES,
        "HAVERSACK_DATA_DIR": "/var/lib/a b",
        "HAVERSACK_TOKEN": TOKEN,
        "HAVERSACK_RULESET": "rules.toml",
        "HAVERSACK_FLUSH_INTERVAL_MS": "5",
        "HAVERSACK_IDLE_EVICT_S": "60",
        "HAVERSACK_UNFLUSHED_MAX_S": "7",
        "HAVERSACK_JOURNAL_KEEP_DAYS": "90",
        "HAVERSACK_SHARDS": "16",
        "HAVERSACK_KEY_PREFIX": "realm-2:",
        "HAVERSACK_TOKENS": "/etc/tokens.toml",
        "HAVERSACK_PLAYER_KEY": SECRET + ",/run/secrets/public.pem",
        "HAVERSACK_PLAYER_AUDIENCE": "realm-2",
        "HAVERSACK_PLAYER_TOKEN_MAX_S": "900",
        "HAVERSACK_RATE_TOKEN": "5000/s",
        "HAVERSACK_RATE_PLAYER": "off",
        "HAVERSACK_RATE_CHARACTER": "20/s burst 40",
        "HAVERSACK_CONNECTIONS_MAX": "100",
        "HAVERSACK_REQUEST_TIMEOUT_S": "5",
        "HAVERSACK_KEEPALIVE_S": "700",
        "HAVERSACK_TLS_CERT": "cert.pem",
        "HAVERSACK_TLS_KEY": "key.pem",
        "HAVERSACK_UNKNOWN": "?",
        "PATH": "/bin",
    }
    assert Settings.read(environ) == Settings(
        host="0.0.0.0",
        port=0,
        workers=4,
        redis_url=REDIS,
        database_url=POSTGRES,
        data_dir=Path("/var/lib/a b"),
        token=TOKEN,
        ruleset="rules.toml",
        flush_interval_ms=5,
        idle_evict_s=60,
        unflushed_max_s=7,
        journal_keep_days=90,
        shards=16,
        key_prefix="realm-2:",
        tokens=Path("/etc/tokens.toml"),
        player_key=SECRET + ",/run/secrets/public.pem",
        player_audience="realm-2",
        player_token_max_s=900,
        rate_token=Rate(5000, 5000),
        rate_player=None,
        rate_character=Rate(20, 40),
        connections_max=100,
        request_timeout_s=5,
        keepalive_s=700,
        tls_cert=Path("cert.pem"),
        tls_key=Path("key.pem"),
    )


def test_options_count_more_than_the_environment() -> None:
    environ = {"HAVERSACK_PORT": "1", "HAVERSACK_DATA_DIR": "a"}
    settings = Settings.read(environ, {"port": "2", "data_dir": None, "host": "::1"})
    assert (settings.port, settings.data_dir, settings.host) == (2, Path("a"), "::1")


def test_set_to_nothing_is_not_set() -> None:
    assert Settings.read({"HAVERSACK_TOKEN": "", "HAVERSACK_REDIS_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOST", "a b"),
        ("HOST", "ho\0st"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "1_0"),
        ("PORT", " 80"),
        ("PORT", "٨٠"),
        ("PORT", "80.0"),
        ("PORT", "9" * 5000),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("REDIS_URL", "http://hunter2@x"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis:x"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://x:hunter2"),
        ("REDIS_URL", "redis://x:99999"),
        ("REDIS_URL", "redis://[::1"),
        ("REDIS_URL", "redis://a b"),
        ("REDIS_URL", "redis://a\nb"),
        ("REDIS_URL", "unix://host/path"),
        ("REDIS_URL", "unix://"),
        ("REDIS_URL", "redis+cluster://"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "postgresql:/x"),
        ("DATABASE_URL", "postgresql://x:y:z"),
        ("DATA_DIR", "a\0b"),
        ("RULESET", "a\0b"),
        ("RULESET", "hunter2"),
        ("RULESET", ".."),
        ("TOKEN", "hunter2 hunter2"),
        ("TOKEN", "hünter2"),
        ("TOKEN", "a" * 513),
        ("TOKEN", "a=b"),
        ("FLUSH_INTERVAL_MS", "0"),
        ("FLUSH_INTERVAL_MS", "60001"),
        ("IDLE_EVICT_S", "0"),
        ("SHARDS", "0"),
        ("SHARDS", "16385"),
        ("KEY_PREFIX", "a{b}"),
        ("KEY_PREFIX", "a b"),
        ("KEY_PREFIX", "a" * 65),
        ("TOKENS", "a\0b"),
        ("PLAYER_KEY", "hunter2"),
        ("PLAYER_KEY", "hunter2" * 100),
        ("PLAYER_KEY", "hunter2 " * 10),
        ("PLAYER_KEY", SECRET + ","),
        ("PLAYER_KEY", ",".join([SECRET] * 3)),
        ("PLAYER_KEY", "/a\0b"),
        ("PLAYER_AUDIENCE", "a b"),
        ("PLAYER_TOKEN_MAX_S", "86401"),
        ("RATE_TOKEN", "fast"),
        ("RATE_PLAYER", "0/s"),
        ("RATE_CHARACTER", "50"),
        ("CONNECTIONS_MAX", "0"),
        ("REQUEST_TIMEOUT_S", "0"),
        ("KEEPALIVE_S", "86401"),
    ],
)
def test_a_bad_value_is_named_and_not_shown(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({f"HAVERSACK_{variable}": value})
    assert len(raised.value.errors) == 1
    assert raised.value.errors[0].startswith(f"HAVERSACK_{variable}: ")
    assert "hunter2" not in str(raised.value)


def test_a_bad_option_is_named_as_an_option() -> None:
    words = r"^--flush-interval-ms: expected a whole number from 1 to 60000$"
    with pytest.raises(SettingsError, match=words):
        Settings.read({"HAVERSACK_FLUSH_INTERVAL_MS": "5"}, {"flush_interval_ms": "x"})


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({"HAVERSACK_PORT": "x", "HAVERSACK_SHARDS": "x"})
    assert len(raised.value.errors) == 2


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:p@h:1/0",
        "rediss://[::1]:6379",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
        "redis+cluster://a:7000",
    ],
)
def test_redis_urls(url: str) -> None:
    assert Settings.read({"HAVERSACK_REDIS_URL": url, "HAVERSACK_SHARDS": "2"}).redis_url == url


@pytest.mark.parametrize("ruleset", ["haversack", "minecraft-like", "tabletop", "a.toml", "./a", "/etc/a"])
def test_rulesets(ruleset: str) -> None:
    assert Settings.read({"HAVERSACK_RULESET": ruleset}).ruleset == ruleset


def test_shipped_rulesets_are_listed_where_one_is_not_known() -> None:
    with pytest.raises(SettingsError, match="only haversack, minecraft-like, tabletop;"):
        Settings.read({"HAVERSACK_RULESET": "chess"})


@pytest.mark.parametrize("url", ["postgresql://h/db", "postgresql:///db?host=/run/postgresql"])
def test_database_urls(url: str) -> None:
    assert Settings.read({"HAVERSACK_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_chosen_token(host: str) -> None:
    assert is_loopback(host)
    assert Settings.read({"HAVERSACK_HOST": host}).token is None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "127.0.0.1.nip.io", "localhost."]
)
def test_the_network_needs_a_chosen_token(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^HAVERSACK_TOKEN: must be set"):
        Settings.read({"HAVERSACK_HOST": host})
    with pytest.raises(SettingsError, match=r"^HAVERSACK_TOKEN: must be set"):
        replace(Settings(), host=host)
    assert Settings.read({"HAVERSACK_HOST": host, "HAVERSACK_TOKEN": "x" * 32}).host == host


def test_the_network_needs_a_token_that_cannot_be_guessed() -> None:
    short = {"HAVERSACK_TOKEN": "x" * 31}
    with pytest.raises(SettingsError, match=r"^HAVERSACK_TOKEN: must have 32 characters or more"):
        Settings.read(short | {"HAVERSACK_HOST": "0.0.0.0", "HAVERSACK_TOKENS": "tokens.toml"})
    assert Settings.read(short).token == "x" * 31


@pytest.mark.parametrize("given", ["CERT", "KEY"])
def test_a_certificate_needs_its_key(given: str) -> None:
    with pytest.raises(SettingsError, match=r"^HAVERSACK_TLS_CERT: is needed with HAVERSACK_TLS_KEY"):
        Settings.read({f"HAVERSACK_TLS_{given}": "a.pem"})


def test_a_file_of_tokens_does_instead_of_a_token() -> None:
    settings = Settings.read({"HAVERSACK_HOST": "0.0.0.0", "HAVERSACK_TOKENS": "tokens.toml"})
    assert (settings.token, settings.tokens) == (None, Path("tokens.toml"))


def test_a_cluster_needs_shards() -> None:
    with pytest.raises(SettingsError, match="HAVERSACK_SHARDS"):
        Settings.read({"HAVERSACK_REDIS_URL": "redis+cluster://a"})


def test_nothing_secret_is_shown() -> None:
    shown = repr(Settings(redis_url=REDIS, database_url=POSTGRES, token="hunter2", player_key="hunter2" * 5))
    assert "hunter2" not in shown and "user" not in shown
    assert "rediss://cache.example:6380/3" in shown and "postgresql://[::1]:5433/game" in shown
    assert redacted(None) is None
