"""`make fuzz`: rubbish at the port for minutes; with ``--examples``, Schemathesis with many before it."""
# ruff: noqa: T201

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz.raw import SETTINGS, RawFuzz
from tests.openapi.campaign import run
from tests.servers import Servers, running
from tests.serving import TOKEN, serving

TOLD_EVERY_S = 10


def main() -> None:
    """Each campaign against a fresh process; the seed is printed first."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long rubbish is sent")
    parser.add_argument("--examples", type=int, default=0, help="Schemathesis' examples of each operation")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with running("embedded") as servers, tempfile.TemporaryDirectory() as home:
        asyncio.run(servers.make_template())
        if arguments.examples:
            with serving(Path(home) / "first.log", "--demo", env=_urls(servers)) as process:
                print(run(process.url, Path(home), seed=arguments.seed, examples=arguments.examples))
        with serving(Path(home) / "log", "--demo", env=_urls(servers) | SETTINGS) as process:
            fuzz = RawFuzz(process, TOKEN, arguments.seed)
            until = time.monotonic() + arguments.seconds
            asyncio.run(fuzz.run(lambda: time.monotonic() < until, _teller()))
    print(f"sent: {dict(fuzz.tally.sent)}\nanswered: {dict(sorted(fuzz.tally.answers.items()))}")
    print(f"{fuzz.tally.sent.total()} connections, {fuzz.tally.served} right requests answered beside them")
    print(f"first third against last: {fuzz.gauge.told()}")
    fuzz.gauge.judge()


def _teller() -> Callable[[RawFuzz], None]:
    begun = told = time.monotonic()

    def tell(fuzz: RawFuzz) -> None:
        nonlocal told
        if time.monotonic() - told >= TOLD_EVERY_S:
            told = time.monotonic()
            memory, descriptors = fuzz.gauge.memory[-1] / (1 << 20), fuzz.gauge.descriptors[-1]
            total = fuzz.tally.sent.total()
            print(
                f"{told - begun:4.0f} s: {total} connections, {memory:.1f} MiB, {descriptors} descriptors",
                flush=True,
            )

    return tell


def _urls(servers: Servers) -> Mapping[str, str]:
    database_url = asyncio.run(servers.fresh_database())
    return {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}


if __name__ == "__main__":
    main()
