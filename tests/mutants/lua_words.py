"""Mutants of Lua expressions: one word or sign exchanged, one part of a condition dropped."""

import re
from collections.abc import Iterator, Sequence

from tests.mutants.lua_text import Token, tokens
from tests.mutants.mutant import one_line

_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_EQUALITY = {"==": "~=", "~=": "=="}
_BOOLEAN = {"and": "or", "or": "and"}
_SIGN = {"+": "-", "-": "+"}
_FLAG = {"true": "false", "false": "true"}
_EXTREME = {"min": "max", "max": "min"}
_TESTS = {"if": "then", "elseif": "then", "while": "do"}
# What an operand of ``and`` or ``or`` cannot reach across, at its own depth of brackets.
_EDGES = {"=", ",", "then", "do", "return", "if", "elseif", "while", "local", "end", "for", "in", "not"}
# Nothing but an equation is asked: turning that round is inverting it.
_EQUATION = re.compile(r"\s*(?:else)?if (?!not )((?! and | or ).)+ [=~]= ((?! and | or ).)+ then")
_KEYWORDS = {"return", "and", "or", "then", "do", "not", "in"}
_REVERSED = (
    "(function(list) local turned = {} for i = #list, 1, -1 do turned[#turned + 1] = list[i] end "
    "return turned end)"
)

# A mutation: line, kind, code before and after, the whole text.
_Mutation = tuple[int, str, str, str, str]


def word_mutations(text: str) -> Iterator[_Mutation]:
    """Every exchange that the words of a file allow."""
    words = tokens(text)
    for place, word in enumerate(words):
        for kind, start, end, other in _exchanges(text, words, place):
            yield _mutation(text, word, kind, start, end, other)


def _mutation(text: str, word: Token, kind: str, start: int, end: int, other: str) -> _Mutation:
    # The lines that the exchange is in, before and after.
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", max(end, start + 1) - 1)
    before, after = text[first:last], text[first:start] + other + text[end:last]
    source = text[:start] + other + text[end:]
    return (
        text.count("\n", 0, word.start) + 1,
        kind,
        one_line(before),
        one_line(after.replace(_REVERSED, "reversed")),
        source,
    )


def _exchanges(text: str, words: Sequence[Token], place: int) -> Iterator[tuple[str, int, int, str]]:
    word = words[place]
    name, before = word.text, words[place - 1].text if place else ""
    following = words[place + 1].text if place + 1 < len(words) else ""
    if name in _BOUNDARY:
        yield "boundary", word.start, word.end, _BOUNDARY[name]
    elif name in _EQUALITY and not _EQUATION.match(_line(text, word)):
        yield "equality flipped", word.start, word.end, _EQUALITY[name]
    elif name in _BOOLEAN and not _is_idiom(text, word, following):
        yield "and or", word.start, word.end, _BOOLEAN[name]
        left, right = _reach(words, place, -1), _reach(words, place, 1)
        yield "part dropped", words[left].start, words[place + 1].start, ""
        yield "part dropped", words[place - 1].end, words[right].end, ""
    elif name in _SIGN:
        binary = re.match(r"[\w)\]]", before) and before not in _KEYWORDS
        yield "plus or minus", word.start, word.end, _SIGN[name] if binary else ""
    elif name in _FLAG:
        yield "flag flipped", word.start, word.end, _FLAG[name]
    elif name in _EXTREME and before == ".":
        yield "min or max", word.start, word.end, _EXTREME[name]
    elif name.isdigit():
        yield "off by one", word.start, word.end, str(int(name) + 1)
    elif name == "not":
        yield "not dropped", word.start, words[place + 1].start, ""
    elif name in _TESTS:
        end = next(index for index in range(place, len(words)) if words[index].text == _TESTS[name])
        # ``not`` alone before the whole condition is dropped above.
        if following != "not" or any(other.text in _BOOLEAN for other in words[place:end]):
            start, stop = words[place + 1].start, words[end - 1].end
            yield "inverted", start, stop, f"not ({text[start:stop]})"
    elif name == "for":
        yield from _turned(text, words, place)


def _line(text: str, word: Token) -> str:
    return text[text.rfind("\n", 0, word.start) + 1 : text.find("\n", word.end)]


def _is_idiom(text: str, word: Token, following: str) -> bool:
    """A link of a chain, which is a mutant of its own; or ``or nil``: false and nil say the same here."""
    begins = not text[text.rfind("\n", 0, word.start) + 1 : word.start].strip()
    return word.text == "or" and (following == "nil" or begins)


def _reach(words: Sequence[Token], place: int, step: int) -> int:
    """Where the operand ends that is before or after an operator."""
    depth = words[place].depth
    # ``and`` binds closer: its operands end at any operator, those of ``or`` at another ``or`` alone.
    edges = _EDGES | (set(_BOOLEAN) if words[place].text == "and" else {"or"})
    index = place + step
    while True:
        onward = words[index + step]
        if onward.depth < depth or (onward.depth == depth and onward.text in edges - {"not"}):
            return index
        if step > 0 and onward.depth == depth and _begins_statement(words[index], onward):
            return index
        index += step


def _begins_statement(word: Token, onward: Token) -> bool:
    """Two names side by side: a statement ends between them."""
    ends = re.match(r"[\w'\")\]}]", word.text) and word.text not in {"not", "and", "or"}
    return bool(ends and re.match(r"[\w]", onward.text) and onward.text not in {"and", "or"})


def _turned(text: str, words: Sequence[Token], place: int) -> Iterator[tuple[str, int, int, str]]:
    end = next(index for index in range(place, len(words)) if words[index].text == "do")
    start, stop = words[place].start, words[end].start
    head = text[start:stop].strip()
    if listed := re.fullmatch(r"(for [\w, ]+ in ipairs)\((.+)\)", head, re.DOTALL):
        yield "order reversed", start, stop, f"{listed[1]}({_REVERSED}({listed[2]})) "
    elif counted := re.fullmatch(r"(for \w+ =) ([^,]+), ([^,]+)(, -1)?", head):
        step = "" if counted[4] else ", -1"
        yield "order reversed", start, stop, f"{counted[1]} {counted[3]}, {counted[2]}{step} "
