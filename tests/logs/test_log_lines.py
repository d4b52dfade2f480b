"""One line an event, as text and as JSON."""

import json
import logging
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.command_line.token import PREFIX
from gateway.configuration.settings import Settings
from gateway.telemetry.logs import JsonLines, Redactor, TextLines, secrets_of

SECRET = "Sesame-0pen/now"


def record(message: str, *args: Any, error: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.getLogger("haversack.test").makeRecord(
        "haversack.test", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )
    return made


def as_json(made: logging.LogRecord, *secrets: str, worker: int | None = None) -> dict[str, Any]:
    line = JsonLines(Redactor(secrets), worker).format(made)
    assert "\n" not in line
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def raised() -> BaseException:
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError as error:
        return error


def test_json_has_its_fields() -> None:
    event = as_json(record("hello %s", "there", request_id="r-1", count=3), worker=2)
    time = datetime.fromisoformat(event.pop("time"))
    assert abs(time.timestamp() - datetime.now().timestamp()) < 60
    assert event == {
        "level": "warning", "logger": "haversack.test", "worker": 2, "message": "hello there",
        "request_id": "r-1", "count": 3,
    }  # fmt: skip


def test_an_error_is_one_field() -> None:
    event = as_json(record("it failed", error=raised()))
    assert event["message"] == "it failed"
    assert event["error_type"] == "RuntimeError"
    assert event["error"].startswith("Traceback") and event["error"].endswith("RuntimeError: two\nlines")


def test_json_takes_what_json_does_not_have() -> None:
    event = as_json(record("x", path=Path("/tmp"), kinds={1, 2}, none=None, flag=True, half="\ud800"))
    assert (event["path"], event["kinds"], event["none"], event["flag"]) == ("/tmp", "{1, 2}", None, True)


def test_text_is_a_line_for_people() -> None:
    line = TextLines(Redactor(), 2).format(record("hello %s", "there"))
    assert line.endswith(" WARNING worker 2: haversack.test: hello there")
    assert TextLines(Redactor(), None).format(record("x")).endswith(" WARNING haversack.test: x")


@pytest.mark.parametrize("control", ["\n", "\r", "\x1b", "\x7f", "\x85", "\u2028"])
def test_nobody_can_write_a_line_of_their_own(control: str) -> None:
    """A path that a caller has made up must not look like an event."""
    line = TextLines(Redactor(), None).format(record("GET /%s", f"x{control}2026-01-01 INFO all is well"))
    assert control not in line and "all is well" in line


def test_a_traceback_follows_in_text() -> None:
    lines = TextLines(Redactor(), None).format(record("it failed", error=raised())).splitlines()
    assert lines[0].endswith("it failed") and lines[1].startswith("Traceback")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (f"password was {SECRET}!", "password was …!"),
        ("redis://:hunter22@h:1/0 is away", "redis://…@h:1/0 is away"),
        ("postgresql://me:pa55word@h/db", "postgresql://…@h/db"),
        ("postgresql:///db?user=me&password=pa55word&x=1", "postgresql:///db?user=me&password=…&x=1"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer …"),
        ("got Basic dXNlcjpwYXNz=", "got Basic …"),
        ("eyJhbGciOi.eyJzdWIiOi.abc_-d was sent", "… was sent"),
        (f"/v1/items/{PREFIX}{'Aa0_-' * 8}xyz was asked for", "/v1/items/… was asked for"),
        ("HAVERSACK_ITEMS_TOKEN=abcdef", "HAVERSACK_ITEMS_TOKEN=…"),
        ("{'api_key': 'abcdef', 'n': 1}", "{'api_key': '…', 'n': 1}"),
        ("character 0f8fad5b is quarantined: seq 3", "character 0f8fad5b is quarantined: seq 3"),
        ("http://127.0.0.1:8080/v1/x@y", "http://127.0.0.1:8080/v1/x@y"),
    ],
)
def test_secrets_are_taken_out(text: str, cleaned: str) -> None:
    redactor = Redactor([SECRET])
    assert redactor.clean(text) == cleaned
    assert as_json(record("%s", text), SECRET)["message"] == cleaned
    assert TextLines(redactor, None).format(record("%s", text)).endswith(f": {cleaned}")


def test_a_line_is_cleaned_in_the_time_that_it_takes_to_read_it() -> None:
    """Anybody can have a path logged that looks like the beginning of a token at each place.

    To look at the rest of it from each takes ten seconds, and from the first alone a tenth of one.
    """
    cleaned, begun = Redactor([SECRET]).clean, time.process_time()
    for text in ("eyJ-" * 20_000, "a_" * 40_000, "token_" * 15_000, "://" * 30_000, "x:" * 40_000):
        cleaned(text)
    assert time.process_time() - begun < 4


def test_secrets_are_taken_out_of_errors_and_fields() -> None:
    try:
        raise RuntimeError(SECRET) from OSError(f"at {SECRET}")
    except RuntimeError as error:
        made = record("x", error=error, where=SECRET, what=[SECRET])
    assert SECRET not in json.dumps(as_json(made, SECRET), ensure_ascii=False)
    assert SECRET not in TextLines(Redactor([SECRET]), None).format(made)


def test_the_secrets_of_the_settings_are_known() -> None:
    settings = Settings(
        token="t0ken-of-tests",
        redis_url="rediss://user:p%40ssword@h:1/0",
        database_url="postgresql://me:other-pass@h/db?sslpassword=key-pass",
        items_url="https://items.example/",
        items_token="items-t0ken",
        player_key="hs256:c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==",
    )
    secrets = secrets_of(settings)
    assert {"t0ken-of-tests", "p%40ssword", "p@ssword", "other-pass", "key-pass", "items-t0ken"} <= secrets
    assert any("c2VjcmV0" in secret for secret in secrets)


def test_the_interpreter_does_not_log_elsewhere() -> None:
    """``python -c`` with a program that fails after logging was set up: one JSON line, and no traceback."""
    import subprocess

    program = (
        "import logging, warnings\n"
        "from gateway.telemetry.logs import configure_logging\n"
        "from gateway.configuration.settings import Settings\n"
        "configure_logging(Settings(token='t0ken-of-tests', log='json'))\n"
        "warnings.warn('careful')\n"
        "logging.getLogger('x').info('hello')\n"
        "raise RuntimeError('it is t0ken-of-tests')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["level"] for event in events] == ["warning", "info", "critical"]
    assert "t0ken-of-tests" not in done.stderr
    assert events[2]["error_type"] == "RuntimeError"
