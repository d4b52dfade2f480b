"""One thing is not told as several."""

import pytest

from gateway.command_line.counting import counted


@pytest.mark.parametrize(
    ("number", "one", "words"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "row", "2 rows"),
        (1, "ledger entry", "1 ledger entry"),
        (2_000, "ledger entry", "2,000 ledger entries"),
    ],
)
def test_counted(number: int, one: str, words: str) -> None:
    assert counted(number, one) == words
