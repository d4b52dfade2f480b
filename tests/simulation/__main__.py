"""``python -m tests.simulation``: a campaign of schedules, or one of them told in full.

A campaign goes through the seeds from ``--from`` on and prints those that fail; where it ended is
where the next may begin. ``--seed`` replays one with a trace, ``--shrink`` makes it small first.
"""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.campaign import campaign
from tests.simulation.plan import Plan, make_plan
from tests.simulation.profiles import BY_NAME
from tests.simulation.running import run
from tests.simulation.shrink import shrink

FAILURES_MAX = 10


def main() -> int:
    """The exit status: 1 where something was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=20_000)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--profile", choices=BY_NAME)
    parser.add_argument("--shrink", action="store_true")
    options = parser.parse_args()
    if options.seed is None:
        return _campaign(options.first, options.schedules, options.processes)
    plan = make_plan(options.seed, BY_NAME[options.profile] if options.profile else None)
    return _replay(plan, small=options.shrink)


def _campaign(first: int, schedules: int, processes: int | None) -> int:
    begun, done, failures, answers = time.monotonic(), 0, 0, Counter[tuple[str, str]]()
    for tally in campaign(first, schedules, processes=processes):
        done += tally.schedules
        answers += tally.answers
        for seed, violation in tally.failed:
            failures += 1
            say(f"\nseed {seed}: {violation}")
        spent_s = time.monotonic() - begun
        sys.stderr.write(
            f"\r{done:,} of {schedules:,} schedules from seed {first}, {done / spent_s:.0f} a second,"
            f" {failures} failed"
        )
        sys.stderr.flush()
        if failures >= FAILURES_MAX:
            break
    sys.stderr.write("\n")
    for (function, answer), count in sorted(answers.items()):
        say(f"{count:12,}  {function} {answer}")
    return 1 if failures else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _replay(plan: Plan, *, small: bool) -> int:
    if small and run(plan).violation is not None:
        plan = shrink(plan, lambda candidate: run(candidate).violation is not None)
    for step in plan.steps:
        say(f"{step.at_ms:8} ms  {step.kind} by {step.who} of character {step.char}")
    say(f"redis: {plan.redis}\npostgres: {plan.postgres}\n")
    violation = run(plan, trace=say).violation
    say(f"\n{violation or 'nothing was violated'}")
    return 1 if violation else 0


if __name__ == "__main__":
    sys.exit(main())
