"""What goes wrong when the ledger's past is read or given up.

PersistenceError
├── HistoryDropped   what was asked for lies in weeks that retention has dropped
├── LedgerGap        an entry is missing that was never dropped: the ledger is damaged
├── WeekKept         a week cannot be dropped now, or not before somebody has looked
└── WeekRefused      a week cannot be added
"""

from persistence.errors import PersistenceError


class HistoryDropped(PersistenceError):
    """The ledger of ``char_id`` before ``oldest_seq`` was dropped, and what was asked for with it."""

    def __init__(self, char_id: str, oldest_seq: int) -> None:
        """``oldest_seq``: from there on, every state of the character can be told."""
        super().__init__(f"the ledger of character {char_id} before entry {oldest_seq} was dropped")
        self.char_id = char_id
        self.oldest_seq = oldest_seq


class LedgerGap(PersistenceError):
    """An entry of the ledger is not there, though nothing that came after it is a baseline."""

    def __init__(self, char_id: str, seq: int) -> None:
        """``seq``: the entry."""
        super().__init__(f"the ledger of character {char_id} has no entry {seq}")
        self.char_id = char_id
        self.seq = seq


class WeekKept(PersistenceError):
    """A week of the ledger was not dropped; nothing is lost, and the next try may succeed."""


class WeekRefused(PersistenceError):
    """PostgreSQL refuses a partition for a week: the default one has entries of that time already."""
