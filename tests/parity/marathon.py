"""`make parity`: all shipped rulesets, several seeds, on Valkey and on Redis 7.0, both at once.

The steps are those of one server in all: they are shared out among rulesets and seeds. The exit
status is 0 when no run found a difference.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.shipped import shipped_rulesets
from persistence.embedded import ValkeyServer
from persistence.embedded.binaries import find_valkey
from tests.servers import DEBIAN_REDIS


@contextmanager
def running(name: str, binary: Path) -> Iterator[str]:
    with (
        TemporaryDirectory(prefix=f"hv-parity-{name}-") as home,
        ValkeyServer(binary=binary, home=Path(home), settings={"appendonly": "no"}) as server,
    ):
        yield server.url


def run_all(name: str, url: str, runs: Sequence[tuple[str, int]], steps: int, rest: list[str]) -> list[str]:
    """The runs of one server, one after the other; those that failed."""
    failed = []
    for ruleset, seed in runs:
        options = ["--ruleset", ruleset, "--seed", str(seed), "--steps", str(steps), "--redis", url, *rest]
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "parity", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(f"{name} | {line}")
            sys.stdout.flush()
        if process.wait() != 0:
            failed.append(f"{name}: {ruleset}, seed {seed}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1_000_000, help="commands on each server (1000000)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rulesets", nargs="+", default=shipped_rulesets())
    parser.add_argument("--sessions", type=int, default=16)
    arguments = parser.parse_args()
    runs = list(product(arguments.rulesets, arguments.seeds))
    steps = -(-arguments.steps // len(runs))
    binaries = {"valkey": find_valkey()} | ({"redis": DEBIAN_REDIS} if DEBIAN_REDIS.exists() else {})
    with ExitStack() as stack:
        urls = {name: stack.enter_context(running(name, binary)) for name, binary in binaries.items()}
        with ThreadPoolExecutor(len(urls)) as pool:
            rest = ["--sessions", str(arguments.sessions)]
            played = [pool.submit(run_all, name, url, runs, steps, rest) for name, url in urls.items()]
            failed = [words for future in played for words in future.result()]
    sys.stdout.write("".join(f"FAILED {words}\n" for words in failed) or "parity: no difference\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
