"""Sets of slot numbers as hex text, lowest slots first: four slots a digit, no trailing "0".

The mirror keeps them in the session, so that finding a free slot or the stacks of a template
costs the same for 20 slots and for 2,000; here they serve to recount what it keeps.
"""

from collections.abc import Iterable

DIGITS = "0123456789abcdef"


def insert(bitmap: str, slot: int) -> str:
    """The set with ``slot`` in it."""
    at = slot // 4
    padded = bitmap.ljust(at + 1, "0")
    digit = DIGITS[int(padded[at], 16) | 1 << slot % 4]
    return padded[:at] + digit + padded[at + 1 :]


def delete(bitmap: str, slot: int) -> str:
    """The set without ``slot``."""
    at = slot // 4
    if at >= len(bitmap):
        return bitmap
    digit = DIGITS[int(bitmap[at], 16) & ~(1 << slot % 4)]
    return (bitmap[:at] + digit + bitmap[at + 1 :]).rstrip("0")


def first_absent(bitmap: str) -> int:
    """The lowest number that is not in the set."""
    for at, digit in enumerate(bitmap):
        if digit != "f":
            value = int(digit, 16)
            return at * 4 + next(bit for bit in range(4) if not value & 1 << bit)
    return len(bitmap) * 4


def highest(bitmap: str) -> int:
    """The highest number in the set, -1 when it is empty."""
    if not bitmap:
        return -1
    return (len(bitmap) - 1) * 4 + int(bitmap[-1], 16).bit_length() - 1


def members(bitmap: str) -> list[int]:
    """The numbers in the set, ascending."""
    return [at * 4 + bit for at, digit in enumerate(bitmap) for bit in range(4) if int(digit, 16) & 1 << bit]


def of(slots: Iterable[int]) -> str:
    """The set of ``slots``."""
    bitmap = ""
    for slot in slots:
        bitmap = insert(bitmap, slot)
    return bitmap
