"""Kinds of settings, all but URLs: from a text to its value, or a ``ValueError`` that says what is expected.

No secret is repeated in its words.
"""

import re
from collections.abc import Callable
from pathlib import Path

from engine.shipped import check_name
from gateway.configuration.player_key_texts import key_texts
from persistence.outbox.signing import secrets_of

_NUMBER = re.compile(r"[0-9]{1,9}")
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,255}")
# The characters that RFC 6750 allows in a bearer token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,512}={0,2}")
# Braces would be taken for a cluster's hash tag.
_KEY_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_AUDIENCE = re.compile(r"[\x21-\x7e]{1,255}")


def valid_token(text: str) -> bool:
    """Whether the text can be sent as a bearer token."""
    return _TOKEN.fullmatch(text) is not None


def host(text: str) -> str:
    """An address or a name."""
    if not _HOST.fullmatch(text):
        raise ValueError("expected an address or a host name")
    return text


def number(least: int, most: int) -> Callable[[str], int]:
    """A kind of whole numbers, both bounds included."""

    def parse(text: str) -> int:
        # int() alone would take "1_0", " 7" and the digits of other scripts.
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A kind of a few words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text

    return parse


def path(text: str) -> Path:
    """A file or a directory, which need not be there."""
    if "\0" in text or not text:
        raise ValueError("expected a path")
    return Path(text)


def ruleset(text: str) -> str:
    """A shipped ruleset's name, or a path."""
    if "\0" in text:
        raise ValueError("expected the name of a shipped ruleset, or a path")
    check_name(text)
    return text


def token(text: str) -> str:
    """A bearer token."""
    if not valid_token(text):
        raise ValueError("expected 1 to 512 of the characters A-Z a-z 0-9 . _ ~ + / -")
    return text


def player_key(text: str) -> str:
    """The key of characters' tokens, as it is given."""
    key_texts(text)
    return text


def audience(text: str) -> str:
    """The audience of tokens."""
    if not _AUDIENCE.fullmatch(text):
        raise ValueError("expected 1 to 255 printable characters without spaces")
    return text


def key_prefix(text: str) -> str:
    """What keys in Redis begin with."""
    if not _KEY_PREFIX.fullmatch(text):
        raise ValueError("expected 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
    return text


def outbox_secret(text: str) -> str:
    """What deliveries are signed with, as it is given."""
    secrets_of(text)
    return text
