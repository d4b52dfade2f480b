"""What a tracer has to be for the parts of persistence that can be traced."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Value = str | int
End = Callable[[BaseException | None], None]


class Spans(Protocol):
    """Makes spans: stretches of time with a name, which belong to what was under way when they began."""

    def during(self, name: str, **attributes: Value) -> AbstractContextManager[object]:
        """A span of the length of a block, and what begins in the block belongs to it."""

    def begun(self, name: str, **attributes: Value) -> End | None:
        """A span until it is ended with the error, if any; None where nothing under way is traced."""
