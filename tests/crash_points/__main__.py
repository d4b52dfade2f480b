"""Crash points by hand.

``--write`` brings ``points.txt`` up to date. ``--all`` kills at every moment of every scenario as often
as it is met, which takes a long while; ``--only`` keeps the trials whose name has this text.
"""

import argparse
import asyncio
import logging
import sys
import time

from engine.ruleset import load_ruleset
from tests.crash_points.points import LISTED, as_text, enumerated
from tests.crash_points.trials import chosen, everything, kill_all, record, workers
from tests.servers import running


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash_points", description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--servers", choices=("embedded", "debian"), default="embedded")
    options = parser.parse_args()
    if options.write:
        LISTED.write_text(as_text(), "utf-8")
        return 0
    return asyncio.run(play(options))


async def play(options: argparse.Namespace) -> int:
    logging.disable(logging.ERROR)
    with running(options.servers) as servers:
        await servers.make_template()
        async with workers(servers, load_ruleset()) as hired:
            met, wrong = await record(hired)
            trials = [
                trial for trial in (everything if options.all else chosen)(met) if options.only in str(trial)
            ]
            begun = time.monotonic()
            wrong += await kill_all(hired, trials)
            took_s = time.monotonic() - begun
    points = enumerated()
    moments = sum(map(len, points.values()))
    print(f"{len(points)} points, {moments} moments; {len(trials)} deaths in {took_s:.0f} s")  # noqa: T201
    print(*wrong, sep="\n")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
