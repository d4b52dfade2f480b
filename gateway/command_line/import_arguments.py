"""What ``haversack import`` takes; each raises ``ArgumentTypeError`` for anything else."""

import codecs
from argparse import ArgumentTypeError
from uuid import UUID

from persistence.moving_in.columns import FIELDS


def column(text: str) -> tuple[str, str]:
    """``FIELD=COLUMN``: the column that a field is taken from."""
    field, equals, name = text.partition("=")
    if not equals or not name or field not in FIELDS:
        raise ArgumentTypeError(f"expected FIELD=COLUMN, where FIELD is one of {', '.join(FIELDS)}")
    return field, name


def delimiter(text: str) -> str:
    """One character, or ``tab``."""
    if text == "tab":
        return "\t"
    if len(text) != 1 or text in '"\r\n':
        raise ArgumentTypeError("expected one character, or tab")
    return text


def encoding(text: str) -> str:
    """A text encoding that Python knows; of UTF-8 a mark at the beginning is no text."""
    try:
        found = codecs.lookup(text)
    except LookupError:
        found = None
    if found is None or not getattr(found, "_is_text_encoding", True):
        raise ArgumentTypeError("expected an encoding, such as utf-8, cp1252 or utf-16")
    return "utf-8-sig" if found.name == "utf-8" else found.name


def namespace(text: str) -> UUID:
    """A UUID."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError("expected a UUID") from None
