"""Characters that are there already, and were not made of the rows that are brought in."""

from contextlib import aclosing
from typing import Final

from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.gathering import Gathered, Gathering

NAMED_MAX: Final = 5


async def refuse_existing(gathering: Gathering, *, write: bool) -> None:
    """Raises ``ImportRefused`` if there is any; it names the first ones' owners.

    To be asked in the transaction in which the characters are read, so that no more of them turn up then.
    ``write``: they were going to be written. A character of the same rows is what an import that was
    cut off has done, and in nobody's way.
    """
    count = 0
    named: list[str] = []
    async with aclosing(gathering.characters(existing_only=True)) as characters:
        async for found in characters:
            if isinstance(found, Gathered) and not found.is_of_these_rows():
                count += 1
                if count <= NAMED_MAX:
                    named.append(found.rows[0][1].owner)
    if count:
        who, them = ("1 character is", "it") if count == 1 else (f"{count:,} characters are", "them")
        owners = ", ".join((*named, "…") if count > NAMED_MAX else named)
        done = "was" if write else "would be"
        raise ImportRefused(
            f"{who} there already ({owners}): nothing {done} imported. --existing skip passes {them} by"
        )
