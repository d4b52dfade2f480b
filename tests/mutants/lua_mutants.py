"""Mutants of a Lua file of the rules, by its text, which is in the house style.

A guard is a statement that may refuse: an ``if`` or a loop with a refusal in it, or a chain
``local refusal = a or b`` with the ``if refusal`` after it, whose links are guards, too.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.mutants.lua_text import Statement, statements
from tests.mutants.lua_words import word_mutations
from tests.mutants.mutant import Mutant, one_line

_REFUSES = re.compile(r"return (guards\.refuse|refusal\b)|guards\.refuse\(")
_CHAIN = re.compile(r"(local refusal = |refusal = |return (?=guards\.|wear\.|move\.|limits\.|placement\.))")
_CALL = re.compile(r"(?!function\b)[\w.]+\(")
_EFFECT = re.compile(r"(?!local |return |if |for |while )[\w.]+[.\[].* = ")

# A mutation: line, kind, code before and after, the whole text.
_Mutation = tuple[int, str, str, str, str]


def lua_mutants(path: str, text: str) -> list[Mutant]:
    """All mutants of one file, in the order of their lines; no two are alike."""
    found: dict[str, Mutant] = {}
    for line, kind, before, after, source in (*_mutations(text), *word_mutations(text)):
        if source != text:
            found.setdefault(source, Mutant(path, line, kind, before, after, source))
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _mutations(text: str) -> Iterator[_Mutation]:
    lines = text.splitlines()
    pending = [statements(text)]
    while pending:
        block = pending.pop()
        yield from _in_block(lines, block)
        pending += [inner for statement in block for inner in statement.blocks]


def _in_block(lines: list[str], block: Sequence[Statement]) -> Iterator[_Mutation]:
    guards = list(_guards(block))
    for first, end, head in guards:
        yield first + 1, "removed", head, "", _joined([*lines[:first], *lines[end:]])
    for (first, end, head), (_, there, other) in pairwise(guards):
        moved = [*lines[:first], *lines[end:there], *lines[first:end], *lines[there:]]
        yield first + 1, "swapped", head, other, _joined(moved)
    for statement in block:
        yield from _in_chain(lines, statement)
        call = _CALL.match(statement.head) and not statement.blocks
        other_if = statement.is_whole_if() and not _REFUSES.search(statement.text)
        if call or other_if or _EFFECT.match(statement.head):
            rest = [*lines[: statement.first], *lines[statement.end :]]
            head = statement.head if other_if else one_line(statement.text)
            yield statement.first + 1, "removed", head, "", _joined(rest)


def _guards(block: Sequence[Statement]) -> Iterator[tuple[int, int, str]]:
    """Each guard's lines, and its head."""
    for place, statement in enumerate(block):
        after = block[place + 1] if place + 1 < len(block) else statement
        if re.match(r"(local )?refusal = ", statement.head) and after.head == "if refusal then":
            yield statement.first, after.end, statement.head
        elif re.match(r"(if (?!refusal then)|for )", statement.head) and _REFUSES.search(statement.text):
            yield statement.first, statement.end, statement.head


def _in_chain(lines: list[str], statement: Statement) -> Iterator[_Mutation]:
    start = _CHAIN.match(statement.head)
    if start is None or statement.blocks:
        return
    links = re.split(r"\n  or ", statement.text[start.end() :])
    indent = re.match(" *", lines[statement.first])

    def with_links(chosen: list[str]) -> str:
        code = start[0] + "\n  or ".join(chosen)
        made = [f"{indent[0] if indent else ''}{line}" for line in code.split("\n")]
        return _joined([*lines[: statement.first], *made, *lines[statement.end :]])

    line = statement.first + 1
    for place, link in enumerate(links) if len(links) > 1 else []:
        yield line + place, "removed", one_line(link), "", with_links(links[:place] + links[place + 1 :])
    for place, (link, following) in enumerate(pairwise(links)):
        swapped = [*links[:place], following, link, *links[place + 2 :]]
        yield line + place, "swapped", one_line(link), one_line(following), with_links(swapped)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
