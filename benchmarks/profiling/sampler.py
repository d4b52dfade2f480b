"""``haversack serve`` that samples its own stack: ``python -m benchmarks.profiling.sampler FILE``.

SIGUSR1 begins and ends the sampling, and what was seen is written to FILE at the end. A timer of CPU
time sends SIGPROF, so a process that waits is not sampled. Python runs the handler between two
instructions: at the end of a call, at the beginning of a function, or where a loop jumps back. So time
spent in C is found at the instruction that called it, and where C was called by the event loop itself,
at the beginning of the next function that the loop calls.
"""

import dis
import linecache
import signal
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import msgspec
from msgspec import Struct

from gateway import cli

# The kernel looks at its clock a few hundred times a second, and sends no more than that.
INTERVAL_S = 0.002
_RESUME, _CACHE = dis.opmap["RESUME"], dis.opmap["CACHE"]
_CALLING = ("CALL", "PRECALL", "SEND", "YIELD_VALUE")
# Where the innermost function and its caller were, and the functions, innermost first.
_Stack = tuple[tuple[int, int], tuple[CodeType, ...]]


class Spot(Struct, frozen=True, order=True):
    """A function, where its file is and its first line."""

    function: str
    file: str
    line: int


class Stack(Struct, frozen=True):
    """A stack that was seen, outermost first, and how often.

    ``line`` is the innermost's, ``call`` the text of what it had just called, if anything. Nothing
    in ``spots``: the loop was between two callbacks.
    """

    spots: tuple[Spot, ...]
    line: int
    call: str
    count: int


class Samples(Struct, frozen=True):
    """All that was seen, in so much CPU time of the process."""

    cpu_s: float
    stacks: tuple[Stack, ...]


class Sampler:
    """Counts stacks while it is on."""

    def __init__(self) -> None:
        """Off."""
        self._seen: Counter[_Stack] = Counter()
        self._on = False
        self._cpu_s = 0.0
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._switch)

    def _switch(self, number: int, frame: FrameType | None) -> None:
        self._on = not self._on
        interval_s = INTERVAL_S if self._on else 0
        signal.setitimer(signal.ITIMER_PROF, interval_s, interval_s)
        self._cpu_s += -time.process_time() if self._on else time.process_time()

    def _sample(self, number: int, frame: FrameType | None) -> None:
        # Only what is needed to tell it apart: texts are made at the end.
        if frame is None or not self._on:
            return
        caller = frame.f_back
        at, codes = (frame.f_lasti, caller.f_lasti if caller is not None else 0), []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        self._seen[at, tuple(codes)] += 1

    def samples(self) -> Samples:
        """What was seen."""
        found: Counter[tuple[tuple[Spot, ...], int, str]] = Counter()
        for (at, codes), count in self._seen.items():
            found[_told(at, codes)] += count
        return Samples(self._cpu_s, tuple(Stack(*told, count) for told, count in found.items()))


def _told(at: tuple[int, int], codes: tuple[CodeType, ...]) -> tuple[tuple[Spot, ...], int, str]:
    inner = next((n for n, code in enumerate(codes) if _is_loop(code)), len(codes))
    known = codes[:inner]
    if known and _instructions(known[0])[at[0]] == _RESUME:
        # The function had only begun: what took the time came before it, and its caller did that.
        known, at = known[1:], (at[1], 0)
    if not known:
        return (), 0, ""
    line, call = _called(known[0], at[0])
    return tuple(map(_spot, reversed(known))), line, call


def _is_loop(code: CodeType) -> bool:
    """Whether it is what runs the event loop, above which all is the same."""
    return code.co_name in ("run_until_complete", "run_forever") or code.co_filename.endswith("runners.py")


@cache
def _instructions(code: CodeType) -> bytes:
    return code.co_code


@cache
def _spot(code: CodeType) -> Spot:
    return Spot(code.co_qualname, code.co_filename, code.co_firstlineno)


@cache
def _called(code: CodeType, at: int) -> tuple[int, str]:
    """The line of an instruction, and what it calls if it is a call."""
    instructions = _instructions(code)
    while instructions[at] == _CACHE:
        at -= 2
    line, last_line, column, end = list(code.co_positions())[at // 2]
    if line is None or last_line != line or column is None or end is None:
        return line or code.co_firstlineno, ""
    if not dis.opname[instructions[at]].startswith(_CALLING):
        return line, ""
    return line, linecache.getline(code.co_filename, line).encode()[column:end].decode("utf-8", "replace")


def main() -> int:
    """Serve, then write what was seen."""
    sampler = Sampler()
    try:
        return cli.main(["serve"])
    finally:
        Path(sys.argv[1]).write_bytes(msgspec.json.encode(sampler.samples()))


if __name__ == "__main__":
    sys.exit(main())
