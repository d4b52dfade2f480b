"""Which part of the program a sample belongs to."""

import re

from benchmarks import ROOT
from benchmarks.profiling.sampler import Stack

LOOP = "uvloop, sockets, C callbacks"
# The first that fits the file of the innermost function, from the root of its package on.
FILES = (
    (r"gateway/", "gateway"),
    (r"persistence/link/", "commander"),
    (r"persistence/(protocol/(flush|write_behind|evictor|housekeeping)|postgres/flush)", "flusher"),
    (r"persistence/(protocol/(loader|batcher)|postgres/load)", "loads"),
    (r"persistence/", "persistence"),
    (r"(engine|lua)/", "engine and lua"),
    (r"aiohttp/|multidict/|yarl/|propcache/|frozenlist/|aiosignal/", "aiohttp"),
    (r"asyncpg/", "asyncpg"),
    (r"redis/|hiredis/", "commander"),
    (r"asyncio/|uvloop/", "asyncio"),
)
# A call into C is its own layer, whoever made it, where its name says what it is.
_CALLS = (
    (re.compile(r"^[\w.]*\b_?(en|de)code(_into|r)?\((?!\)|['\"])|^_?(pack|parse)\(|msgspec\."), "msgspec"),
    (re.compile(r"pack_command|\bgets\(|\bfeed\(|hiredis"), "hiredis"),
    (re.compile(r"transport\.write\(|\.writelines\(|^write\("), "uvloop: writing to sockets"),
)


def layer_of(stack: Stack) -> str:
    """The layer of the innermost function of a stack, or of what it had called."""
    if not stack.spots:
        return LOOP
    for pattern, name in _CALLS:
        if pattern.search(stack.call):
            return name
    return layer_of_file(stack.spots[-1].file)


def layer_of_file(path: str) -> str:
    """The layer of a function by its file."""
    file = shown_file(path)
    return next((name for pattern, name in FILES if re.match(pattern, file)), "Python's own")


def shown_file(path: str) -> str:
    """A path from the project's or the packages' root on."""
    path = path.removeprefix(f"{ROOT}/")
    for part in ("/site-packages/", "/lib/python"):
        if part in path:
            path = path.rpartition(part)[2]
    return re.sub(r"^\d\.\d+/", "", path)
