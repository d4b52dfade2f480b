"""What a table has to say, and which of its columns says it."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from persistence.moving_in.errors import ImportRefused

# In the order in which a source gives them.
FIELDS: Final = (
    "owner", "template", "quantity", "place", "container", "slot", "item_id", "bound", "locked",
    "name", "level", "class", "attributes",
)  # fmt: skip
REQUIRED: Final = ("owner", "template")
# What a row has where the table has no such column.
ABSENT: Final[Mapping[str, str | None]] = dict.fromkeys(FIELDS) | {"quantity": "1"}

# A row's texts, one for each of ``FIELDS``; None for null and for a column that is not there.
Cells = Sequence[str | None]


class Misread(Struct, frozen=True, gc=False):
    """A row without cells, and why; ``owner`` and ``template`` are those that it seems to have, or ""."""

    problem: str
    owner: str = ""
    template: str = ""


# Rows with their numbers, from 1.
Page = list[tuple[int, Cells | Misread]]

# Rows of a page. It fits into a socket's buffer, so that all of it is on its way while the next one is read.
PAGE: Final = 2_000


class Source(Protocol):
    """A table that is read once, from its first row to its last."""

    @property
    def left_aside(self) -> Sequence[str]:
        """Columns that no field is taken from, as far as ``pages`` has met them."""

    def pages(self) -> AsyncGenerator[Page, None]:
        """Its rows; raises ``ImportRefused`` where it cannot be read (on)."""


def names_of(renamed: Mapping[str, str]) -> dict[str, str]:
    """The column that each field is looked for under."""
    return {field: renamed.get(field, field) for field in FIELDS}


def positions(columns: Sequence[str], renamed: Mapping[str, str]) -> dict[str, int]:
    """Where the fields stand among a table's columns; those that are not there are left out.

    Raises ``ImportRefused`` where a field that is needed, or was named, has no column, or two of them.
    """
    names = names_of(renamed)
    found: dict[str, int] = {}
    for field, name in names.items():
        if name in columns:
            if columns.count(name) > 1:
                raise ImportRefused(f"the column {name!r} is there {columns.count(name)} times")
            found[field] = columns.index(name)
        elif field in renamed or field in REQUIRED:
            raise ImportRefused(
                f"there is no column {name!r} for the {field}; there are: {_listed(columns)}."
                f" --column {field}=NAME names another"
            )
    return found


def others(columns: Iterable[str], found: Mapping[str, int]) -> list[str]:
    """The columns that no field is taken from; ``found`` as ``positions`` answers."""
    taken = set(found.values())
    return [name for n, name in enumerate(columns) if n not in taken]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
