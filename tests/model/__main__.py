"""``python -m tests.model``: exhausts the configurations; see ``--help``."""

import argparse
import sys
import time

from tests.model.configurations import CONFIGURATIONS, DEEP
from tests.model.explore import explore
from tests.model.guards import NAMES, without


def main() -> int:
    """The program; 1 when a violation was found."""
    known = CONFIGURATIONS | DEEP
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Check the protocol's model.")
    parser.add_argument(
        "configuration", nargs="*", choices=[[], *known], metavar="CONFIGURATION", help=", ".join(known)
    )
    parser.add_argument("--deep", action="store_true", help="the larger configurations, too; minutes")
    parser.add_argument(
        "--without", action="append", default=[], choices=NAMES, metavar="GUARD", help="; ".join(NAMES)
    )
    args = parser.parse_args()
    chosen = args.configuration or list(known if args.deep else CONFIGURATIONS)
    violated = False
    for name in chosen:
        began_s = time.perf_counter()
        found = explore(known[name], without(*args.without))
        print(f"{found} ({time.perf_counter() - began_s:.1f} s)", flush=True)  # noqa: T201
        violated |= found.violation is not None
    return int(violated)


if __name__ == "__main__":
    sys.exit(main())
