"""Judging a mutant: the cases one after the other, until one tells it from the true rules.

It runs in a process of its own, because a mutant may loop for ever, eat all memory, or leave modules
and state behind.
"""

import gc
import importlib
import random
import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.rules import bitmap
from engine.ruleset import load_ruleset
from tests.mutants.cases import Case
from tests.mutants.lua_rules import LuaRules
from tests.mutants.mutant import Mutant

MEMORY_MAX = 2 << 30
TIME_LIMIT = "time limit"
# Modules that are made of the rules, or import them by name.
_PREVIEWS = ("tests.engine.test_preview", "tests.mutants.test_preview_lists")
_MADE_OF_RULES = (*_PREVIEWS, "engine.rules", "engine.engine", "engine.preview", "engine.totals")

_processes = get_context("fork")


def judge_all(
    mutants: Iterable[Mutant], cases: Sequence[Case], *, workers: int = 2, cpu_seconds: int = 20
) -> Iterator[tuple[Mutant, str | None]]:
    """Each mutant with what it died by, as they are done; None for one that survived."""
    # What the cases are made of is shared with the children, and stays so while nobody counts it.
    gc.freeze()
    pending = iter(mutants)
    running: dict[int, tuple[ForkProcess, Connection, Mutant]] = {}
    # What killed mutants of a file before is likely to kill the next one.
    killers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    while True:
        while len(running) < workers and (mutant := next(pending, None)) is not None:
            reader, writer = _processes.Pipe(duplex=False)
            known = killers[mutant.path]
            ordered = sorted(cases, key=lambda case: -known[case.name])
            process = _processes.Process(target=_run, args=(writer, mutant, ordered, cpu_seconds))
            process.start()
            writer.close()
            running[process.sentinel] = (process, reader, mutant)
        if not running:
            return
        for sentinel in [ready for ready in wait(running) if isinstance(ready, int)]:
            process, reader, mutant = running.pop(sentinel)
            process.join()
            death = _answer(process, reader, mutant)
            if death is not None and not death.startswith("game "):
                killers[mutant.path][death.split(" (")[0]] += 1
            yield mutant, death


def _answer(process: ForkProcess, reader: Connection, mutant: Mutant) -> str | None:
    with reader, suppress(EOFError):
        death: str | None = reader.recv()
        return death
    # Only the limit's signal is the mutant's doing; anything else is the judge's.
    if process.exitcode is None or process.exitcode >= 0:
        raise RuntimeError(f"judging broke off: {mutant}")
    return TIME_LIMIT


def _run(writer: Connection, mutant: Mutant, cases: Sequence[Case], cpu_seconds: int) -> None:
    # Seconds of the processor, so that a machine that is busy with other things kills no mutant.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    writer.send(death_of(mutant, cases))


def death_of(mutant: Mutant, cases: Sequence[Case]) -> str | None:
    """The name of the first case that a mutant dies by; it may leave altered modules behind."""
    stem = Path(mutant.path).stem
    check: Callable[[Case], None]
    try:
        if mutant.path.endswith(".py"):
            mutated = import_mutated(f"engine.rules.{stem}", mutant.source)
            engines = _Made(mutated["engine.engine"].InventoryEngine)
            check, bits = lambda case: case.check_python(engines.of(case)), mutated["engine.rules.bitmap"]
        else:
            rules = _Made(lambda ruleset: LuaRules(ruleset, {stem: mutant.source}))
            check, bits = lambda case: case.check_lua(rules.of(case)), rules.of(cases[0]).bitmap
    except Exception as error:  # a mutant breaks as it likes
        return f"loading it ({type(error).__name__})"
    if stem == "bitmap" and not _counts_right(bits):
        return "test_bitmaps_agree"
    for case in cases:
        try:
            check(case)
        except AssertionError:
            return case.name
        except Exception as error:
            return f"{case.name} ({type(error).__name__})"
    return _death_by_previews() if mutant.path.endswith(".py") else None


def _death_by_previews() -> str | None:
    # Lua has no previews, and vectors tell of none: they are held by tests of their own.
    for module in map(importlib.import_module, _PREVIEWS[::-1]):
        for name in [name for name in dir(module) if name.startswith("test_")]:
            try:
                getattr(module, name)(load_ruleset())
            except Exception:  # or AssertionError
                return name
    return None


class _Made:
    """What judges, made once for each ruleset."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._made: dict[str, Any] = {}

    def of(self, case: Case) -> Any:
        if case.ruleset.hash not in self._made:
            self._made[case.ruleset.hash] = self._make(case.ruleset)
        return self._made[case.ruleset.hash]


def import_mutated(name: str, source: str) -> dict[str, ModuleType]:
    """All modules that are made of the rules, imported anew with one of them replaced."""
    for module in [module for module in sys.modules if module.startswith(_MADE_OF_RULES)]:
        del sys.modules[module]
    finder = _Finder(name, source)
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("engine.engine")
        importlib.import_module("engine.rules.bitmap")
    finally:
        sys.meta_path.remove(finder)
    return {module: loaded for module, loaded in sys.modules.items() if module.startswith("engine.")}


class _Finder(MetaPathFinder, InspectLoader):
    """Gives one module another source."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == self._name else None

    def get_source(self, fullname: str) -> str:
        return self._source


def _counts_right(bits: Any) -> bool:
    # As tests/lua/test_pure_rules.py has it. What is no set of slots in both languages does not come here.
    rng = random.Random(0)
    with suppress(Exception):
        for _ in range(400):
            slots = set(rng.sample(range(rng.choice((8, 40, 200))), rng.randint(0, 8)))
            slots |= set(range(rng.choice((0, 0, 4, 9, 40))))
            text, slot = bitmap.of(sorted(slots)), rng.randint(0, 210)
            members = bits.members(text)
            right = (
                list(members if isinstance(members, list) else members.values()) == sorted(slots)
                and bits.insert(text, slot) == bitmap.of(sorted(slots | {slot}))
                and bits.delete(text, slot) == bitmap.of(sorted(slots - {slot}))
                and bits.first_absent(text) == min(set(range(300)) - slots)
                and bits.highest(text) == max(slots, default=-1)
                and ("of" not in dir(bits) or bits.of(slots) == text)
            )
            if not right:
                return False
        return True
    return False
