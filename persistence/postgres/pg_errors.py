"""Where asyncpg's exceptions become ours, and nowhere else.

What PostgreSQL refuses because of the values sent (by the class of its SQLSTATE) is told
from what has to do with the server or the way to it, because the first comes again however
often it is tried and must not hold up others, while the second goes away by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg

from persistence.errors import OutcomeUnknown, PersistenceError, Unavailable

# 21 cardinality (a row twice in one upsert), 22 data, 23 integrity, 54 a limit of a row or an
# index entry, P0 raised by a trigger, XX a damaged page: all follow the row, not the connection.
_REFUSALS = ("21", "22", "23", "54", "P0", "XX")

# Statements that do not fit the database, such as one of a migration with a mistake in it. For all
# other statements this is trouble with the server: it has not been migrated, or by another version.
MISFITS = ("0A", "42")

# Everything the driver raises. A timeout is an OSError too; InternalClientError is what is raised,
# for one, when a connection is used while the news of its end are being read.
TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

Refusal = Callable[[str], PersistenceError]


@contextmanager
def statements(refusal: Refusal | None = None, also: tuple[str, ...] = ()) -> Iterator[None]:
    """Around statements whose effect is gone when they fail, as all are before COMMIT.

    Raises ``Unavailable`` for trouble with the server, ``refusal(reason)`` for values that
    PostgreSQL refuses and for errors of the classes in ``also``; without ``refusal`` such a value
    is the caller's mistake, a ``ValueError``.
    """
    try:
        yield
    except TROUBLE as error:
        raise _translated(error, refusal, _REFUSALS + also) from error


@contextmanager
def commit(refusal: Refusal | None = None) -> Iterator[None]:
    """Around COMMIT, or what commits itself: as ``statements``, but a lost reply is ``OutcomeUnknown``.

    An error of severity ERROR is PostgreSQL's word that the transaction is rolled back, and what the
    driver cannot send was not sent. Anything else, such as being shut down while it committed, says
    nothing about what became of it.
    """
    try:
        yield
    except TROUBLE as error:
        if not _is_verdict(error) and not isinstance(error, asyncpg.DataError):
            raise OutcomeUnknown(f"the reply to COMMIT was lost: {_words(error)}") from error
        raise _translated(error, refusal, _REFUSALS) from error


def _translated(error: Exception, refusal: Refusal | None, refusals: tuple[str, ...]) -> Exception:
    if not _is_refusal(error, refusals):
        return Unavailable(f"PostgreSQL: {_words(error)}")
    return refusal(_words(error)) if refusal else ValueError(_words(error))


def _is_refusal(error: Exception, refusals: tuple[str, ...]) -> bool:
    # Raised by the driver too, then without a severity, for a value that it cannot send.
    if isinstance(error, asyncpg.DataError):
        return True
    return _is_verdict(error) and str(getattr(error, "sqlstate", "")).startswith(refusals)


def _is_verdict(error: Exception) -> bool:
    return isinstance(error, asyncpg.PostgresError) and getattr(error, "severity_en", None) == "ERROR"


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
