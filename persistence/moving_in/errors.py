"""What ends an import.

PersistenceError
└── ImportRefused   the source or the order cannot be carried out; the message says why, and what was done
"""

from persistence.errors import PersistenceError


class ImportRefused(PersistenceError):
    """The source cannot be read as a table, or what was asked for cannot be done."""
