"""A mutant: one file of the rules with one small fault put in."""

from dataclasses import dataclass

_CONTEXT, _WHOLE = 24, 100


@dataclass(frozen=True)
class Mutant:
    """``path`` and ``line`` tell where; ``before`` and ``after`` are the code there, ``source`` the file.

    What was taken away has an empty ``after``.
    """

    path: str
    line: int
    kind: str
    before: str
    after: str
    source: str

    @property
    def change(self) -> str:
        """The code before and after, of long code only where it differs and some around it."""
        if not self.after or len(self.before) <= _WHOLE:
            return " → ".join(filter(None, (self.before, self.after)))
        left = max(0, _alike(self.before, self.after) - _CONTEXT)
        right = max(0, _alike(self.before[:left:-1], self.after[:left:-1]) - _CONTEXT)
        before, after = (text[left : len(text) - right] for text in (self.before, self.after))
        return f"{before.strip()} → {after.strip()}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What is known of it without its line, which moves; lines that are alike share it."""
        return self.path, self.kind, self.change

    def __str__(self) -> str:
        """Where and what, on one line."""
        return f"{self.path}:{self.line}  {self.kind}: {self.change}"


def _alike(one: str, other: str) -> int:
    """How many letters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def one_line(text: str) -> str:
    """Code as it is shown: on one line, without indentation."""
    return " ".join(text.split())
