"""The statements of ``sql/*.sql``, by name."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: *(\S+) *$", re.MULTILINE)


def query(name: str) -> str:
    """The text of the statement called ``name``; raises ``KeyError`` for one that is not there."""
    return queries()[name]


@cache
def queries() -> dict[str, str]:
    """All statements, read once; raises ``ValueError`` for a name that stands in two files."""
    found: dict[str, str] = {}
    for file in files("persistence").joinpath("sql").iterdir():
        if file.name.endswith(".sql"):
            statements = parse(file.read_text("utf-8"))
            if twice := found.keys() & statements.keys():
                raise ValueError(f"{min(twice)} stands twice")
            found |= statements
    return found


def parse(text: str) -> dict[str, str]:
    """Split SQL text at its ``-- name: x`` lines; raises ``ValueError`` for a name that stands twice.

    What comes before the first name is a comment on the file. A statement keeps its own comments
    and loses the semicolon, which a prepared statement does not need.
    """
    parts = _NAME.split(text)[1:]
    found: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in found:
            raise ValueError(f"{name} stands twice")
        found[name] = body.strip().removesuffix(";")
    return found
