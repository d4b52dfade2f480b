"""What an operator is told when something is not done."""

from persistence.errors import PersistenceError


class DeskRefusal(PersistenceError):
    """What was asked for cannot be done, for the reason the message gives; nothing was changed."""


class PreviewOutdated(PersistenceError):
    """The character has changed since what the operator was shown; look again."""

    def __init__(self, char_id: str) -> None:
        """Remember whose."""
        super().__init__(f"character {char_id} has changed since it was looked at")
        self.char_id = char_id
