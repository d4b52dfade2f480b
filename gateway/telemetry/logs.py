"""The log: a line an event on standard error, as text for people or as JSON for machines.

Nothing secret is ever meant to be logged. What errors of libraries say is not ours to choose, though, so
every line goes past ``Redactor``, which knows the secrets of this process and the looks of others.
"""

import logging
import os
import re
import sys
import threading
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from gateway.configuration.settings import Settings

# A shorter secret would be found in the middle of words.
_SECRET_LENGTH_MIN: Final = 6
_HIDDEN: Final = "…"
_SECRET_SETTINGS: Final = ("token", "key", "secret", "secrets")
_USER_INFO: Final = re.compile(r"(?<=://)[^\s/@'\"]*@")
_CREDENTIALS: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{4,}=*")
# Only where such a run of characters begins: within a long one that is none, each place would be looked from.
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{4,}\.[\w-]+\.[\w-]*")
# The tokens that `haversack token make` makes, of which only hashes are known here.
_SERVICE_TOKEN: Final = re.compile(r"hvs_[\w-]{16,}")
_NAMED: Final = re.compile(
    r"(?i)\b((?:\w*_)?(?:password|passwd|passfile|secret|token|api_?key|access_token))(['\"]?\s*[=:]\s*['\"]?)"
    r"[^\s&'\",;}]+"
)
# What would make one line look like two, or like another.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What every record has; the rest was given along with it.
_USUAL: Final = frozenset(
    {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime", "taskName"}
)
_encode = msgspec.json.Encoder().encode


class Redactor:
    """Takes secrets out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets``: those of this process, in every spelling that may turn up."""
        kept = {secret for secret in secrets if len(secret) >= _SECRET_LENGTH_MIN}
        # Longer ones first, or of one that another begins the rest would stay.
        words = sorted(kept, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def clean(self, text: str) -> str:
        """The text without what is secret, or looks so."""
        if self._known is not None:
            text = self._known.sub(_HIDDEN, text)
        text = _USER_INFO.sub(f"{_HIDDEN}@", text)
        text = _CREDENTIALS.sub(rf"\1 {_HIDDEN}", text)
        text = _JWT.sub(_HIDDEN, text)
        text = _SERVICE_TOKEN.sub(_HIDDEN, text)
        return _NAMED.sub(rf"\1\2{_HIDDEN}", text)


def secrets_of(settings: Settings) -> set[str]:
    """What nobody may read in a log: tokens and keys, and what the URLs have of passwords."""
    secrets: set[str] = set()
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if not isinstance(value, str):
            continue
        if entry.name.endswith("url"):
            secrets |= _secrets_of_url(value)
        elif entry.name.endswith(_SECRET_SETTINGS):
            # Several may stand in one; a part with a slash is the path of a file.
            secrets |= {value, *re.split(r"[\s,]+", value)}
    return secrets - {""}


def _secrets_of_url(url: str) -> set[str]:
    parts = urlsplit(url)
    password = parts.password or ""
    in_query = {value for name, value in parse_qsl(parts.query) if "pass" in name or "key" in name}
    return {password, unquote(password), *in_query}


class TextLines(logging.Formatter):
    """``time LEVEL worker: logger: message``; a traceback follows in lines of its own."""

    def __init__(self, redactor: Redactor, worker: int | None) -> None:
        """``worker`` is there where there are several."""
        who = "" if worker is None else f"worker {worker}: "
        super().__init__(f"%(asctime)s %(levelname)s {who}%(name)s: %(message)s")
        self._redactor = redactor

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """One line, whatever the message has in it; what was given along with it is not repeated."""
        return _CONTROLS.sub(_escaped, super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The whole event, without secrets."""
        return self._redactor.clean(super().format(record))


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message", …}`` on one line; an error's traceback is ``error``.

    What was given along with a message by ``extra`` are fields of their own.
    """

    def __init__(self, redactor: Redactor, worker: int | None) -> None:
        """``worker`` is there where there are several."""
        super().__init__()
        self._redactor = redactor
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """The event, without secrets."""
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if self._worker is not None:
            event["worker"] = self._worker
        event["message"] = record.getMessage()
        event |= {name: value for name, value in record.__dict__.items() if name not in _USUAL}
        if record.exc_info and record.exc_info[0] is not None:
            event["error_type"] = record.exc_info[0].__qualname__
            event["error"] = self.formatException(record.exc_info)
        return _encode({name: self._plain(value) for name, value in event.items()}).decode()

    def _plain(self, value: object) -> str | float | None:
        if value is None or isinstance(value, int | float):
            return value
        # Half of a pair, as a path may have, is nothing that JSON could carry.
        return self._redactor.clean(str(value)).encode("utf-8", "backslashreplace").decode()


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]
    """Our handler, told apart from those that others have put there."""


def configure_logging(settings: Settings | None = None, worker: int | None = None) -> None:
    """Log to standard error as ``settings`` say; text from "info" on, before there are any.

    May be called again, when more is known. Where somebody else has set logging up, it is left alone.
    """
    redactor = Redactor(secrets_of(settings) if settings is not None else ())
    root = logging.getLogger()
    ours = next((handler for handler in root.handlers if isinstance(handler, _Lines)), None)
    if ours is None:
        if root.handlers:
            return
        ours = _Lines()
        root.addHandler(ours)
    as_json = settings is not None and settings.log == "json"
    ours.setFormatter((JsonLines if as_json else TextLines)(redactor, worker))
    root.setLevel((settings.log_level if settings is not None else "info").upper())
    logging.captureWarnings(True)
    if as_json:
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_in_thread


def announce(settings: Settings, line: str) -> None:
    """Tell an operator something that is no event: on standard output, or in the log where that is JSON."""
    if settings.log == "json":
        logging.getLogger("haversack.serve").info("%s", line)
    else:
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except OSError:
            # Whoever listened has gone, as `tee` goes at Ctrl-C: no reason to fail, now or at the last flush.
            silence = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(silence, sys.stdout.fileno())
            os.close(silence)


def last_words(settings: Settings | None, words: str) -> None:
    """Tell on standard error why the program ends, without secrets."""
    if settings is not None and settings.log == "json":
        logging.getLogger("haversack").critical("%s", words)
    else:
        secrets = () if settings is None else secrets_of(settings)
        sys.stderr.write(f"haversack: {Redactor(secrets).clean(words)}\n")


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("haversack").critical("the program failed", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
