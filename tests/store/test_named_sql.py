"""Every named statement is used, every one used is there, and all prepare against the migrated schema."""

import re
from pathlib import Path

import pytest

import persistence
from persistence.postgres.named_sql import parse, queries, query
from persistence.postgres.store import InventoryStore

_USE = re.compile(r'\bquery\(\s*"([^"]+)"\s*\)')
_UTILITY = {"lock_catalogs"}


def test_every_statement_is_used_and_every_used_one_is_there() -> None:
    sources = Path(persistence.__file__).parent.rglob("*.py")
    used = {name for source in sources for name in _USE.findall(source.read_text("utf-8"))}
    assert used == set(queries())


async def test_every_statement_prepares(store: InventoryStore) -> None:
    for name, text in queries().items():
        async with store.database.transaction() as connection:
            # A table that is a connection's own, made where an import begins.
            await connection.execute(f"{query('import_table')} ON COMMIT DROP")
            # Utility statements are not planned when they are prepared, so those are run.
            await (connection.execute(text) if name in _UTILITY else connection.prepare(text))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "arguments", "index"),
    [
        ("items_of", [["00000000-0000-0000-0000-000000000000"]], "items_place"),
        ("operations_of", [["00000000-0000-0000-0000-000000000000"], 1.0], "operations_pkey"),
        ("characters_by_name", [None, 10, "ar"], "characters_name"),
        ("journal_after", ["00000000-0000-0000-0000-000000000000", 0, 10], "Index Scan using journal_"),
        ("catalog_version", [], "catalogs_pkey"),
    ],
)
async def test_what_is_asked_often_is_answered_by_an_index(
    store: InventoryStore, name: str, arguments: list[object], index: str
) -> None:
    async with store.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO characters (char_id, name, actor)"
            " SELECT gen_random_uuid(), md5(n::text), '{}' FROM generate_series(1, 3000) AS n"
        )
        await connection.execute("ANALYZE characters")
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN {query(name)}", *arguments)
    assert index in "\n".join(row[0] for row in plan)


def test_names_split_a_file() -> None:
    text = "-- about the file\n\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT\n  2\n"
    assert parse(text) == {"one": "-- why\nSELECT 1", "two": "SELECT\n  2"}
    with pytest.raises(ValueError, match="one stands twice"):
        parse("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")
    with pytest.raises(KeyError):
        query("no such statement")
