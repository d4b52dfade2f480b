"""What a game is made of: a start, calls, and the first thing on which the twins do not agree."""

from typing import Any

from msgspec import Struct, convert

from engine.commands import Batch, Command
from engine.facts import Facts
from engine.state import InventorySessionDTO

_SHOWN_MAX = 1000
# A command as JSON would have it: {"op": "move", …}.
RawCommand = dict[str, Any]


class Call(Struct, frozen=True):
    """One call: its commands, and the 24 hex digits that begin the ids of what it makes.

    The prefix stays with the call when others are dropped, so later calls still find its items.
    """

    prefix: str
    commands: tuple[RawCommand, ...]

    def decoded(self) -> tuple[Command, ...]:
        """The commands as the engine takes them; raises ``msgspec.ValidationError``."""
        return convert(self.commands, Batch)


class Case(Struct, frozen=True):
    """A game that can be played again: ``templates`` are the catalog that grants are judged by."""

    start: InventorySessionDTO
    templates: dict[str, Facts]
    calls: tuple[Call, ...]


class Difference(Struct, frozen=True):
    """Where the twins part: in ``what`` (refusal, reply, hash …), and what each of them has there."""

    what: str
    python: str
    lua: str

    def __str__(self) -> str:
        python, lua = (
            text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]} …" for text in (self.python, self.lua)
        )
        return f"{self.what}\n  Python: {python}\n  Lua:    {lua}"
