"""What an ``ItemGateway`` asks of where its templates come from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from persistence.items.catalog import Template


class Edition(Struct, frozen=True):
    """Which catalog it is: 0 and nothing for none. ``imported_at`` in Unix milliseconds."""

    version: int = 0
    content: str = ""
    count: int = 0
    by: str = ""
    imported_at: int = 0


class CatalogChanges(Struct, frozen=True):
    """What makes the catalog that is known into that of ``edition``; all of it where it is ``whole``.

    ``templates``: new ones, and those that are other than before. ``gone``: those that are not in the
    catalog any more, with their facts retired. ``forgotten``: those of which nothing is known any
    more. ``left_out``: those that cannot be served, each with the reason.
    """

    edition: Edition
    whole: bool
    templates: Sequence[Template]
    gone: Sequence[Template] = ()
    forgotten: Sequence[str] = ()
    left_out: Mapping[str, str] = {}


class CatalogSource(Protocol):
    """A catalog with numbered versions, on whose numbers all processes agree.

    Sessions are judged by a version's facts, so whatever templates come from must give each process the
    same ones under the same number.
    """

    async def version(self) -> int:
        """The newest version's number, 0 for none; cheap enough to be asked for every second.

        Raises ``Unavailable``.
        """

    async def changes(self, known: Edition) -> CatalogChanges:
        """What is new since the edition that is ``known``; raises ``Unavailable``."""
