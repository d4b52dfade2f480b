"""`make chaos`: real processes, real servers, random faults; nonzero when anything was violated."""

import argparse
import asyncio
import random
import sys

from tests.chaos.campaign import Plan, run


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="of faults and calls; random unless given")
    parser.add_argument("--characters", type=int, default=200)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument(
        "--destroy", action="store_true", help="all of it with a Redis that loses its data, not the last part"
    )
    options = parser.parse_args()
    seconds = options.minutes * 60
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    destroying_s = seconds if options.destroy else seconds * 0.15
    plan = Plan(seed, seconds - destroying_s, destroying_s, options.characters, options.clients)
    return 0 if asyncio.run(run(plan)) else 1


if __name__ == "__main__":
    sys.exit(main())
