"""Which of the driver's errors means what, before COMMIT and at it."""

import asyncpg
import pytest

from persistence.errors import FlushRejected, OutcomeUnknown, Unavailable
from persistence.postgres import pg_errors

LOST = [
    ConnectionResetError("reset"),
    TimeoutError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.ConnectionDoesNotExistError("closed in the middle"),
    asyncpg.InternalClientError("state"),
]


def told(sqlstate: str, severity: str) -> asyncpg.PostgresError:
    """An error as PostgreSQL sends it."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "words", "V": severity, "S": severity})


VERDICTS = [
    (told("23505", "ERROR"), FlushRejected),
    (told("23514", "ERROR"), FlushRejected),
    (told("22003", "ERROR"), FlushRejected),
    (told("21000", "ERROR"), FlushRejected),
    (told("54000", "ERROR"), FlushRejected),
    (told("P0001", "ERROR"), FlushRejected),
    (told("XX001", "ERROR"), FlushRejected),
    (told("40P01", "ERROR"), Unavailable),
    (told("40001", "ERROR"), Unavailable),
    (told("53100", "ERROR"), Unavailable),
    (told("57014", "ERROR"), Unavailable),
    (told("25006", "ERROR"), Unavailable),
    (told("42P01", "ERROR"), Unavailable),
]
ENDINGS = [told("57P01", "FATAL"), told("57P02", "FATAL"), told("53300", "FATAL"), told("XX000", "PANIC")]


@pytest.mark.parametrize("error", [*LOST, *ENDINGS], ids=repr)
def test_trouble_is_unavailable_before_commit_and_unknown_at_it(error: Exception) -> None:
    with pytest.raises(Unavailable), pg_errors.statements(FlushRejected):
        raise error
    with pytest.raises(OutcomeUnknown), pg_errors.commit(FlushRejected):
        raise error


@pytest.mark.parametrize(("error", "ours"), VERDICTS, ids=repr)
def test_an_error_that_postgresql_tells_is_a_verdict_at_commit_too(
    error: Exception, ours: type[Exception]
) -> None:
    for around in (pg_errors.statements(FlushRejected), pg_errors.commit(FlushRejected)):
        with pytest.raises(ours, match="words") as raised, around:
            raise error
        assert raised.value.__cause__ is error


def test_a_refused_value_is_a_mistake_where_no_refusal_is_expected() -> None:
    for around in (pg_errors.statements(), pg_errors.commit()):
        with pytest.raises(ValueError, match="words"), around:
            raise told("23505", "ERROR")


def test_statements_that_do_not_fit_can_be_refusals() -> None:
    with pytest.raises(FlushRejected), pg_errors.statements(FlushRejected, pg_errors.MISFITS):
        raise told("42601", "ERROR")


def test_what_is_not_the_drivers_passes() -> None:
    with pytest.raises(KeyError), pg_errors.statements(FlushRejected):
        raise KeyError("ours")
