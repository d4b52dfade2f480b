"""Mutants that are argued to be equivalent: nothing can tell them from the true rules.

``equivalent.txt`` has them: a line ``= reason``, and below it those that the reason holds for, as
``file | kind | change``, as often as there are such mutants. Lines that begin with ``#`` are comments.
"""

from pathlib import Path

_FILE = Path(__file__).with_name("equivalent.txt")
# File, kind and change of a mutant.
Key = tuple[str, str, str]


def read_equivalent() -> dict[Key, list[str]]:
    """The reasons for each, one for each mutant that is shown the same."""
    found: dict[Key, list[str]] = {}
    reason = ""
    for line in _FILE.read_text("utf-8").splitlines():
        if line.startswith("= "):
            reason = line.removeprefix("= ")
        elif line and not line.startswith("#"):
            path, kind, change = line.split(" | ", 2)
            assert reason, f"no reason for {line}"
            found.setdefault((path, kind, change), []).append(reason)
    return found
