"""A crowd of characters in a database: alike but for their ids, so that a hundred thousand are made quickly.

All have the layout of one inventory. Ids are hashes of numbers, as far from each other in an index as
real ones are, and can be told without asking for them.
"""

import hashlib
import random
import uuid
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.world import ACTOR, MOVES_PER_GROUP, Inventory, inventory

ITEMS = 20
_CHARACTERS = """
INSERT INTO characters (char_id, name, actor)
SELECT md5(n::text)::uuid, 'One of many ' || n, $2::text::jsonb FROM generate_series(0, $1::integer - 1) AS n
"""
_ITEMS = """
INSERT INTO items (item_id, owner, template_id, quantity, container, slot, bound)
SELECT md5(n || '/' || k.number)::uuid, md5(n::text)::uuid,
       k.template_id, k.quantity, k.container, k.slot, k.bound
  FROM generate_series(0, $1::integer - 1) AS n,
       unnest($2::integer[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::boolean[])
           AS k (number, template_id, quantity, container, slot, bound)
"""


class Crowd:
    """Characters 0 to ``count`` - 1."""

    def __init__(self, count: int, seed: int) -> None:
        """The same for the same arguments."""
        self.count = count
        self._model: Inventory = inventory(random.Random(seed), ITEMS)
        self._items = list(self._model.items())
        self.groups = len(self._model.groups)

    async def fill(self, database_url: str) -> None:
        """Make them, as if they had been flushed at seq 0."""
        rows = [
            (n, item.template_id, item.quantity, item.place.container, str(item.place.slot), item.bound)
            for n, item in enumerate(self._items)
        ]
        connection = await asyncpg.connect(database_url)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit = off")
                await connection.execute(_CHARACTERS, self.count, msgspec.json.encode(ACTOR).decode())
                # Checking a million references one by one takes as long again, and they are there.
                await connection.execute("SET LOCAL session_replication_role = replica")
                await connection.execute(_ITEMS, self.count, *map(list, zip(*rows, strict=True)))
            await connection.execute("VACUUM (ANALYZE, FREEZE)")
        finally:
            await connection.close()

    def char_id(self, number: int) -> str:
        """The id of a character."""
        return str(uuid.UUID(_md5(str(number))))

    def write_moves(self, path: Path, count: int, group: int) -> None:
        """A cycle over the first ``count``: in each turn, all of them make the next move with one group."""
        chosen = self._model.groups[group]
        mover = self._items.index(chosen.mover)
        with path.open("w", encoding="ascii") as file:
            for to in chosen.destinations()[:MOVES_PER_GROUP]:
                place = f'"to":{{"container":"{to.container}","slot":{to.slot}}}}}\n'
                for number in range(count):
                    head = f"/v1/characters/{self.char_id(number)}/inventory/move\t"
                    file.write(f'{head}{{"item_id":"{_md5(f"{number}/{mover}")}",{place}')

    def write_loads(self, path: Path, numbers: Iterable[int]) -> None:
        """Their sessions to be loaded."""
        lines = (f"/v1/characters/{self.char_id(number)}/session\t{{}}\n" for number in numbers)
        path.write_text("".join(lines), "ascii")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
