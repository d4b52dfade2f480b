"""A table that a query makes in a studio's PostgreSQL; it is only read there, by a cursor of the server's."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol, cast

from persistence.moving_in.columns import ABSENT, FIELDS, PAGE, Page, others, positions
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.snapshot import snapshot
from persistence.postgres import pg_errors
from persistence.postgres.database import Connection, Database, Row

# The query may sort or join for long before its first row comes.
STATEMENT_S: Final = 6 * 3600.0


class _Attribute(Protocol):
    name: str


class _Prepared(Protocol):
    def get_attributes(self) -> tuple[_Attribute, ...]: ...


class _Cursor(Protocol):
    async def fetch(self, n: int) -> list[Row]: ...


class _Driver(Protocol):
    """What is used of a connection beside ``Connection``."""

    async def prepare(self, query: str) -> _Prepared: ...

    def cursor(self, query: str, *args: object) -> Awaitable[_Cursor]: ...


class SqlSource:
    """Runs one query in a transaction that only reads; its columns are taken as their texts."""

    def __init__(self, url: str, sql: str, renamed: Mapping[str, str]) -> None:
        """``url``: of the studio's database. ``renamed``: as everywhere."""
        self._url = url
        # The line end ends a comment that the query may end with.
        self._query = f"(\n{sql.strip().removesuffix(';')}\n) AS source"
        self._renamed = renamed
        self.left_aside: Sequence[str] = ()

    async def pages(self) -> AsyncGenerator[Page, None]:
        """All rows, numbered as the query gives them."""
        database = await self._connected()
        try:
            async with database.connection() as connection:
                with pg_errors.statements(_refused, ("0A", "25", "26", "3D", "42")):
                    async with snapshot(connection), aclosing(self._rows(connection)) as pages:
                        async for page in pages:
                            yield page
        finally:
            await database.close()

    async def _rows(self, connection: Connection) -> AsyncGenerator[Page, None]:
        driver = cast("_Driver", connection)
        # Everything that is the studio's stands within parentheses, so it cannot be more than a query.
        prepared = await driver.prepare(f"SELECT * FROM {self._query}")  # noqa: S608
        columns = [attribute.name for attribute in prepared.get_attributes()]
        found = positions(columns, self._renamed)
        self.left_aside = others(columns, found)
        shown = ", ".join(
            f"source.{_quoted(columns[found[field]])}::text" if field in found else _literal(ABSENT[field])
            for field in FIELDS
        )
        cursor = await driver.cursor(f"SELECT {shown} FROM {self._query}")  # noqa: S608
        number = 0
        while rows := await cursor.fetch(PAGE):
            page: list[tuple[int, Any]] = list(enumerate(rows, number + 1))
            number += len(rows)
            yield page

    async def _connected(self) -> Database:
        try:
            return await Database.connect(
                self._url, pool_size=1, statement_timeout_s=STATEMENT_S, idle_in_transaction_s=0
            )
        except ValueError as error:
            # It never repeats the URL, but says which file cannot be read that this names.
            raise ImportRefused(f"the studio's database: {error}") from None


def _refused(reason: str) -> ImportRefused:
    return ImportRefused(f"the studio's database refuses the query: {reason}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str | None) -> str:
    return "NULL::text" if text is None else f"'{text}'::text"
