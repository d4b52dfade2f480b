"""Requests that are lost, replies that are lost, requests that come late: nothing is doubled or half done.

One service is connected directly, the others over a proxy that cuts connections. Calls with an operation
id are repeated until they are answered, under the same id.
"""

from collections import Counter
from pathlib import Path

import msgspec
import redis

from engine.ruleset import Ruleset
from tests.linearizability.history import Execute, Reply
from tests.linearizability.late_proxy import LateProxy
from tests.linearizability.model import Model
from tests.linearizability.recording import Habits
from tests.linearizability.sites import judge, record_many, service_doors, small_site
from tests.servers import Servers
from tests.service.conftest import Site

HISTORIES = 75
SHARE_CUT, SHARE_OF_CALLS_CUT = 0.02, 0.15
HABITS = Habits(named=0.6, twice=0.2, evict=0.04)


async def test_lost_answers_are_explained(
    each_servers: Servers, small: Ruleset, model: Model, tmp_path: Path
) -> None:
    seeds = [f"cut {number}" for number in range(HISTORIES)]
    with redis.Redis.from_url(each_servers.redis.url) as client:
        site = await small_site(each_servers, small, client)
        proxy = LateProxy(each_servers.redis.url, tmp_path / "late.sock", seed=1)
        behind = Site(msgspec.structs.replace(site.settings, redis_url=proxy.url), small, client)
        async with proxy.running(), service_doors(site, behind, behind) as (store, doors):
            proxy.share, proxy.calls_share = SHARE_CUT, SHARE_OF_CALLS_CUT
            recorded = await record_many(store, doors, seeds, HABITS)
            proxy.share = proxy.calls_share = 0.0
        await site.audit()
    assert len(recorded) == len(seeds)
    for each in recorded:
        judge(each, model)
    assert min(proxy.fates.values()) >= 10, proxy.fates
    seen = Counter[str]()
    for each in recorded:
        lost = {
            operation.call.op_id
            for operation in each.operations
            if operation.answer is None and isinstance(operation.call, Execute)
        }
        seen["lost"] += sum(operation.answer is None for operation in each.operations)
        for operation in each.operations:
            if isinstance(operation.answer, Reply) and isinstance(operation.call, Execute):
                again = operation.call.op_id and operation.call.op_id in lost
                seen["told by a repeat" if operation.answer.replayed else "done by a repeat"] += bool(again)
    # Of both kinds: the lost call had been carried out, and it had not.
    for what in ("lost", "told by a repeat", "done by a repeat"):
        assert seen[what] >= 10, seen
