"""`make mutants`: puts small faults into the rules, one at a time, and shows that a test finds each.

The vectors judge first; what they let live must be told from the true rules by a seeded game, or in
Python by the tests of previews. The exit status is 1 when a mutant survives that ``equivalent.txt`` does
not argue away, or when an argument there is out of date.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.mutants.cases import game_cases, vector_cases
from tests.mutants.equivalent import read_equivalent
from tests.mutants.judge import judge_all
from tests.mutants.lua_mutants import lua_mutants
from tests.mutants.mutant import Mutant
from tests.mutants.python_mutants import python_mutants

ROOT = Path(__file__).parents[2]
EQUIVALENT = read_equivalent()
_PROGRESS_EVERY_S = 10.0


def rule_files() -> list[str]:
    """The files of the rules in both languages, from the root of the checkout."""
    found = [*ROOT.glob("engine/rules/*.py"), *ROOT.glob("lua/rules/*.lua")]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py")


@cache
def mutants_of(path: str) -> list[Mutant]:
    """All mutants of one file of the rules."""
    make = python_mutants if path.endswith(".py") else lua_mutants
    return make(path, (ROOT / path).read_text("utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="FILE", help="only these files of the rules")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-games", action="store_true", help="only the vectors")
    arguments = parser.parse_args()
    began = time.monotonic()
    mutants = [mutant for path in arguments.only or rule_files() for mutant in mutants_of(path)]
    cases = [*vector_cases(), *([] if arguments.no_games else game_cases())]
    say(f"{len(mutants)} mutants, {len(cases)} cases")
    died: dict[Mutant, str | None] = {}
    shown = began
    for mutant, death in judge_all(mutants, cases, workers=arguments.workers):
        died[mutant] = death
        if time.monotonic() - shown >= _PROGRESS_EVERY_S:
            shown = time.monotonic()
            say(f"{len(died)} of {len(mutants)}, {survivors(died)} alive, {shown - began:.0f} s")
    for mutant in mutants:
        write(f"{mutant}  died by: {died[mutant] or argued(mutant) or 'NOTHING'}")
    write(summary(mutants, died))
    wrong = list(wrongs(mutants, died))
    write("\n".join(wrong) or "mutants: every guard is held by a test")
    say(f"{time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def write(text: str) -> None:
    """A line of the table."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """Tell how far it is, beside the table."""
    sys.stderr.write(f"mutants: {text}\n")


def survivors(died: dict[Mutant, str | None]) -> int:
    """How many nothing has killed."""
    return sum(death is None for death in died.values())


def argued(mutant: Mutant) -> str | None:
    """Why nothing can tell the mutant from the true rules, where that is argued."""
    reasons = EQUIVALENT.get(mutant.key)
    return f"nothing; equivalent: {reasons[0]}" if reasons else None


def wrongs(mutants: Sequence[Mutant], died: dict[Mutant, str | None]) -> Iterator[str]:
    """Survivors that nobody argues away; arguments about mutants that are no more, or that died."""
    alive = [mutant for mutant in mutants if died[mutant] is None]
    times = Counter(mutant.key for mutant in alive)
    for mutant in alive:
        if times[mutant.key] > len(EQUIVALENT.get(mutant.key, ())):
            yield f"SURVIVED  {mutant}"
    files = {mutant.path for mutant in mutants}
    for key, reasons in EQUIVALENT.items():
        if key[0] in files and times[key] < len(reasons):
            yield f"OUTDATED  {' | '.join(key)}"


def summary(mutants: Sequence[Mutant], died: dict[Mutant, str | None]) -> str:
    """Numbers by language and kind: all, by what they died, survivors."""
    rows = [f"{'':30}{'all':>8}{'vectors':>9}{'games':>8}{'tests':>8}{'alive':>8}"]
    for suffix, language in ((".py", "Python"), (".lua", "Lua")):
        of_it = [mutant for mutant in mutants if mutant.path.endswith(suffix)]
        kinds = Counter(mutant.kind for mutant in of_it)
        for kind in ("", *sorted(kinds)):
            deaths = [died[mutant] for mutant in of_it if kind in ("", mutant.kind)]
            games, tests = (
                sum((death or "").startswith(by) for death in deaths) for by in ("game ", "test_")
            )
            alive, name = deaths.count(None), f"{language} {kind}"
            vectors = len(deaths) - games - tests - alive
            rows.append(f"{name:30}{len(deaths):8}{vectors:9}{games:8}{tests:8}{alive:8}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
