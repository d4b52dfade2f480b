"""More histories than a test should take, or the clients of one seed again and again.

python -m tests.linearizability.campaign --histories 10000
python -m tests.linearizability.campaign --case "coming and going" --first 17 --histories 1 --times 200
"""

import argparse
import asyncio
import sys

import redis

from tests.linearizability.cases import CASES, seeds
from tests.linearizability.checker import check
from tests.linearizability.model import Model
from tests.linearizability.show import report
from tests.linearizability.sites import record_many, service_doors, small_site
from tests.linearizability.world import ACTOR, TEMPLATES, small_ruleset
from tests.servers import Servers, running

IN_A_GO = 100


async def campaign(servers: Servers, case: str, chosen: list[str]) -> int:
    """Record and judge; the number of histories that nothing explains, each of which is printed."""
    ruleset, wrong = small_ruleset(), 0
    model = Model(ruleset, TEMPLATES, ACTOR)
    services, idle_evict_s, habits = CASES[case]
    with redis.Redis.from_url(servers.redis.url) as client:
        site = await small_site(servers, ruleset, client, idle_evict_s=idle_evict_s)
        async with service_doors(*[site] * services) as (store, doors):
            for first in range(0, len(chosen), IN_A_GO):
                for each in await record_many(store, doors, chosen[first : first + IN_A_GO], habits):
                    if each.failure is not None:
                        raise each.failure
                    if not check(each.operations, model).legal:
                        wrong += 1
                        sys.stdout.write(report(each.operations, model, f"seed {each.seed!r}") + "\n\n")
        await site.audit()
    sys.stdout.write(f"{case}: {len(chosen)} histories, {wrong} of them not linearizable\n")
    return wrong


async def main(options: argparse.Namespace) -> int:
    wrong = 0
    with running(options.servers) as servers:
        await servers.make_template()
        for case in [options.case] if options.case else CASES:
            chosen = seeds(case, options.first, options.histories) * options.times
            wrong += await campaign(servers, case, chosen)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.linearizability.campaign")
    parser.add_argument("--servers", choices=("embedded", "debian"), default="embedded")
    parser.add_argument("--case", choices=tuple(CASES))
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--histories", type=int, default=1000, help="seeds of each case")
    parser.add_argument("--times", type=int, default=1, help="how often each seed is played")
    sys.exit(asyncio.run(main(parser.parse_args())))
