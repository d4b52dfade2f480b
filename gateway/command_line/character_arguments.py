"""What the commands about characters take; each raises ``ArgumentTypeError`` for anything else."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from persistence.desk.restore import At

# Beyond any seq.
SEQ_MAX: Final = 10**15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = re.compile(r"[\x21-\x7e]{1,64}")
_REASON_LENGTH_MAX: Final = 300


def char_id(text: str) -> str:
    """A UUID in lower case with dashes."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ArgumentTypeError("expected a character's id, which is a UUID") from None


def at(text: str) -> At:
    """A seq, or a time in ISO 8601, which is UTC unless it says otherwise."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return At(seq=int(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("expected a seq, or a time as in 2026-01-31T18:00") from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return At(time_ms=(time - _EPOCH) // timedelta(milliseconds=1))


def number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most):
            raise ArgumentTypeError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def name(text: str) -> str:
    """One word for the ledger."""
    if not _NAME.fullmatch(text):
        raise ArgumentTypeError("expected 1 to 64 printable ASCII characters without a space")
    return text


def reason(text: str) -> str:
    """A sentence for the ledger."""
    if len(text) > _REASON_LENGTH_MAX or not text.isprintable():
        raise ArgumentTypeError(f"expected at most {_REASON_LENGTH_MAX} characters that can be shown")
    return text
