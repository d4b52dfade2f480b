"""Where changes may be delivered to."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from gateway.configuration.settings import Settings, SettingsError
from persistence.link.redis_link import RedisLink
from persistence.outbox.redis_stream import RedisStreamSink
from persistence.outbox.target import check_url, sink_of
from persistence.outbox.webhook import WebhookSink
from tests.outbox.receiver import SECRET


@pytest.mark.parametrize(
    "url",
    [
        "https://events.example/haversack?realm=1",
        "http://localhost:9000/x",
        "http://127.0.0.1/x",
        "http://[::1]:1/x",
        "redis://user:pass@redis.example:6379/0",
        "rediss://redis.example/0?stream=changes&maxlen=5",
        "unix:///run/valkey.sock?stream=changes&db=3",
    ],
)
def test_good_ones(url: str) -> None:
    assert check_url(url) == url
    sink = sink_of(url, ())
    assert isinstance(sink, WebhookSink if url.startswith("http") else RedisStreamSink)


@pytest.mark.parametrize(
    "url",
    [
        "http://events.example/x",
        "http://localhost.example/x",
        "ftp://events.example/x",
        "https:///x",
        "https://user:pass@events.example/x",
        "https://events.example/x#y",
        "redis://redis.example/0?strean=x",
        "redis://redis.example/0?maxlen=0",
        "redis://redis.example/0?maxlen=-1",
        "redis://redis.example/0?stream=a&stream=b",
        "redis://redis.example/0?ssl_ca_certs=/etc/ca.pem",
        "rediss://redis.example/0?ssl_ca_certs=/etc/ca.pem&ssl_ca_certs=/etc/other.pem",
        "events.example",
    ],
)
def test_bad_ones_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        check_url(url)
    assert url not in str(raised.value) and "pass" not in str(raised.value).replace("password", "")


def test_what_is_said_of_tls_goes_to_the_server(tmp_path: Path) -> None:
    """As of the sessions' own URL; only the stream is no matter of the connection."""
    authorities = tmp_path / "c & a.pem"
    authorities.touch()
    tls = urlencode({"ssl_ca_certs": str(authorities), "ssl_min_version": 772, "ssl_check_hostname": "false"})
    server = f"rediss://user:pass@redis.example/3?{tls}"
    sink = sink_of(check_url(f"{server}&stream=changes&maxlen=7"), ())
    assert isinstance(sink, RedisStreamSink) and (sink._stream, sink._length_max) == ("changes", 7)
    assert sink._link._arguments == RedisLink(server)._arguments | {"retry": sink._link._arguments["retry"]}
    authorities.unlink()
    with pytest.raises(ValueError, match=r"ssl_ca_certs: .* cannot be read: No such file"):
        sink_of(f"{server}&stream=changes", ())


def test_plain_http_to_others_has_to_be_wanted() -> None:
    url = "http://receiver.default.svc/x"
    settings = {"HAVERSACK_OUTBOX_URL": url, "HAVERSACK_OUTBOX_SECRET": SECRET}
    with pytest.raises(SettingsError, match="HAVERSACK_OUTBOX_URL: expected https://, or http:// to this"):
        Settings.read(settings)
    assert Settings.read(settings | {"HAVERSACK_OUTBOX_PLAIN_HTTP": "1"}).outbox_url == url


def test_webhooks_have_to_be_signed() -> None:
    url = {"HAVERSACK_OUTBOX_URL": "https://events.example/x"}
    with pytest.raises(SettingsError, match="HAVERSACK_OUTBOX_SECRET"):
        Settings.read(url)
    with pytest.raises(SettingsError, match="HAVERSACK_OUTBOX_SECRET"):
        Settings.read({"HAVERSACK_OUTBOX_SECRET": SECRET})
    with pytest.raises(SettingsError, match="HAVERSACK_OUTBOX_SECRET") as raised:
        Settings.read(url | {"HAVERSACK_OUTBOX_SECRET": "hunter2"})
    assert "hunter2" not in str(raised.value)
    assert SECRET not in repr(Settings.read(url | {"HAVERSACK_OUTBOX_SECRET": SECRET}))
    assert Settings.read({"HAVERSACK_OUTBOX_URL": "redis://redis.example"}).outbox_secret is None
