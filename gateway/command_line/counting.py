"""Numbers of things in words."""

from typing import Final

_IRREGULAR: Final = {"entry": "entries"}


def counted(number: int, one: str) -> str:
    """So many of what ``one`` is the word for: ``1 row``, ``2,000 rows``, ``0 ledger entries``.

    What is counted is the last word.
    """
    if number == 1:
        return f"1 {one}"
    before, space, last = one.rpartition(" ")
    return f"{number:,} {before}{space}{_IRREGULAR.get(last, f'{last}s')}"
