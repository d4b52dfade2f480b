"""What goes wrong below the rules. Refusals are values; these mean broken or missing things.

PersistenceError
├── CharacterNotFound      no such character in PostgreSQL
├── CharacterExists        the id is taken
├── CharacterQuarantined   its changes cannot be written; an operator must look
├── SessionNotLive         load the session and repeat the call: nothing was done
├── Conflict               others changed the session each time: nothing was done
├── InvalidWords           an actor or a catalog uses words that the ruleset does not know
├── FlushRejected          PostgreSQL refuses a row of a batch: nothing of it was written
├── CatalogError           a catalog that cannot be used; nothing of it was taken
├── TemplateInUse          a new catalog lacks templates that items have
├── CatalogChanged         the catalog is not the one that was looked at: nothing was done
├── NotRestorable          there is no such version of the catalog, or not any more
├── FeedError              the item service that the catalog is to come from gives none
├── MigrationError         the database's shape and the program's migrations do not fit
├── IdempotencyMismatch    the operation id was used for another payload
├── Backpressure           changes wait too long for PostgreSQL: nothing was done
├── HistoryDropped, LedgerGap, WeekKept, WeekRefused    the ledger's past: persistence/ledger/errors.py
├── DeskRefusal, PreviewOutdated    what operators ask for: persistence/desk/errors.py
├── Unavailable            Redis or PostgreSQL is away: nothing was done
└── OutcomeUnknown         the reply was lost: the call may have been done
"""

from collections.abc import Mapping


class PersistenceError(Exception):
    """Base of all errors that this package raises on purpose."""


class CharacterNotFound(PersistenceError):
    """No such character; ``char_id`` says which."""

    def __init__(self, char_id: str) -> None:
        """Remember whose."""
        super().__init__(f"character {char_id} does not exist")
        self.char_id = char_id


class CharacterExists(PersistenceError):
    """A character with this id exists already."""

    def __init__(self, char_id: str) -> None:
        """Remember whose."""
        super().__init__(f"character {char_id} exists already")
        self.char_id = char_id


class CharacterQuarantined(PersistenceError):
    """The character's changes cannot be written to PostgreSQL; play stops until that is mended."""


class SessionNotLive(PersistenceError):
    """The session is absent, closing, or was opened under another node, ruleset or catalog."""


class Conflict(PersistenceError):
    """A command that runs in the engine was overtaken by others each time; nothing was done."""

    def __init__(self, char_id: str) -> None:
        """Remember whose."""
        super().__init__(f"character {char_id} was changed by others meanwhile")
        self.char_id = char_id


class InvalidWords(PersistenceError):
    """Words that the ruleset does not know; ``errors`` has one ``path: word`` each."""

    def __init__(self, errors: list[str]) -> None:
        """Remember all of them."""
        super().__init__("; ".join(errors))
        self.errors = errors


class IdempotencyMismatch(PersistenceError):
    """The operation id was used before, for another payload; nothing was done."""


class Backpressure(PersistenceError):
    """The session has changes that wait too long for PostgreSQL; nothing was done, later it will be."""


class Unavailable(PersistenceError):
    """Redis or PostgreSQL could not be reached, and nothing was done."""


class OutcomeUnknown(PersistenceError):
    """A call was sent and its reply was lost; it may have been done."""


class FlushRejected(PersistenceError):
    """PostgreSQL refuses something in a batch, and will again; nothing of the batch was written."""


class CatalogError(PersistenceError):
    """A catalog that cannot be used; ``errors`` has one ``place: path: problem`` each."""

    def __init__(self, errors: list[str]) -> None:
        """Remember all of them."""
        super().__init__("; ".join(errors))
        self.errors = errors


class TemplateInUse(PersistenceError):
    """A new catalog lacks templates of which there are items.

    ``in_use`` has the first of them by id, each with how many characters have how many items of it;
    ``total`` counts all.
    """

    def __init__(self, in_use: Mapping[str, tuple[int, int]], total: int) -> None:
        """Remember which."""
        more = f" and {total - len(in_use)} more" if total > len(in_use) else ""
        super().__init__(f"there are items of templates that are missing: {', '.join(in_use)}{more}")
        self.in_use = dict(in_use)
        self.total = total


class CatalogChanged(PersistenceError):
    """Another catalog than the expected one is the newest; ``version`` is its version."""

    def __init__(self, version: int, expected: int) -> None:
        """Remember both."""
        super().__init__(f"the catalog is at version {version}, and not at {expected}")
        self.version = version
        self.expected = expected


class NotRestorable(PersistenceError):
    """A version of the catalog that never was, or that is not kept any more."""


class FeedError(PersistenceError):
    """An item service is away, or what it answers is not a catalog that can be taken."""


class MigrationError(PersistenceError):
    """The database's shape and the program's migrations do not fit together."""
