"""What is left of a character, anywhere."""

import asyncpg

from tests.service.conftest import Site

# Every column of every table that could name somebody.
_COLUMNS = """
SELECT c.table_name, c.column_name
  FROM information_schema.columns AS c
  JOIN information_schema.tables AS t USING (table_schema, table_name)
 WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.table_name !~ '^journal_'
"""


async def traces(site: Site, *words: str) -> list[str]:
    """Columns and keys in which one of the words stands, but the list of the erased; each once."""
    connection = await asyncpg.connect(site.settings.database_url)
    try:
        found = []
        for table, column in await connection.fetch(_COLUMNS):
            for word in words:
                statement = f'SELECT count(*) FROM "{table}" WHERE strpos("{column}"::text, $1) > 0'
                if await connection.fetchval(statement, word):
                    found.append(f"{table}.{column}: {word}")
    finally:
        await connection.close()
    for key in site.client.scan_iter():
        text = key.decode() + str(_content(site, key))
        found += [f"{key.decode()}: {word}" for word in words if word in text]
    return sorted(found)


def _content(site: Site, key: bytes) -> object:
    kind = site.client.type(key)
    if kind == b"hash":
        return site.client.hgetall(key)
    if kind == b"list":
        return site.client.lrange(key, 0, -1)
    if kind == b"zset":
        return site.client.zrange(key, 0, -1)
    return site.client.get(key)
