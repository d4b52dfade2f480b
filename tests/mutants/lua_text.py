"""Lua text in the house style, taken apart: tokens, and blocks by their indentation.

The style: a statement begins on a line of its own, two spaces deeper than the block it is in; what
goes on on the next line is deeper still or closes what was opened.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<skip>--[^\n]*|\s+)|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|[A-Za-z_]\w*|\d+|[=~<>]=|\.\.\.?|."""
)
_CLOSES = re.compile(r"(end\b|else\b|elseif\b|[)}])")
_OPENS = re.compile(r"(if|elseif|else|for|while|function|local function)\b|.*function\([\w, ]*\)$")
_DEPTH = {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}


@dataclass(frozen=True)
class Token:
    """A word or sign; ``depth`` is that of brackets around it, the same for a pair of them."""

    text: str
    start: int
    end: int
    depth: int


@dataclass(frozen=True)
class Statement:
    """Lines ``first`` to ``end`` - 1, and the blocks in them; ``text`` has them without indentation."""

    first: int
    end: int
    text: str
    blocks: tuple[tuple["Statement", ...], ...]

    @property
    def head(self) -> str:
        """The first line."""
        return self.text.splitlines()[0]

    def is_whole_if(self) -> bool:
        """An ``if`` with nothing else."""
        return self.head.startswith("if ") and len(self.blocks) == 1


def tokens(text: str) -> list[Token]:
    """All tokens but comments."""
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        if match["skip"] is not None:
            continue
        step = _DEPTH.get(match[0], 0)
        depth += min(step, 0)
        found.append(Token(match[0], match.start(), match.end(), depth))
        depth += max(step, 0)
    return found


def statements(text: str) -> tuple[Statement, ...]:
    """The statements of a file, each with its blocks."""
    return tuple(_block(text.splitlines(), 0, len(text.splitlines()), 0))


def _block(lines: Sequence[str], first: int, end: int, indent: int) -> Iterator[Statement]:
    starts = [
        index
        for index in range(first, end)
        if _indent(lines[index]) == indent and not _CLOSES.match(lines[index].strip())
    ]
    for start, following in zip(starts, [*starts[1:], end], strict=True):
        while following > start + 1 and _is_idle(lines[following - 1]):
            following -= 1
        if not _is_idle(lines[start]):
            text = "\n".join(line[indent:] for line in lines[start:following])
            yield Statement(start, following, text, tuple(_blocks(lines, start, following, indent)))


def _blocks(lines: Sequence[str], start: int, end: int, indent: int) -> Iterator[tuple[Statement, ...]]:
    heads = [index for index in range(start, end) if _indent(lines[index]) == indent]
    for head, following in zip(heads, [*heads[1:], end], strict=True):
        if _OPENS.match(lines[head].strip()) and following > head + 1:
            yield tuple(_block(lines, head + 1, following, indent + 2))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else -1


def _is_idle(line: str) -> bool:
    return not line.strip() or line.strip().startswith("--")
