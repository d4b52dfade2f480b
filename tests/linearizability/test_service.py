"""A thousand histories of concurrent clients on real servers, each explained by some order of its calls.

Two or three services share the servers. Sessions are flushed every 20 ms, and saved, evicted and loaded while
they are played; in one case they end as soon as they have nothing more to flush.
"""

from collections import Counter
from collections.abc import Iterable

import pytest
import redis

from engine.commands import SortRequest
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from tests.linearizability.cases import CASES, seeds
from tests.linearizability.checker import check
from tests.linearizability.history import Execute, Operation, Reply, Stand
from tests.linearizability.model import Model
from tests.linearizability.recording import Recorded
from tests.linearizability.sites import judge, record_many, service_doors, small_site
from tests.servers import Servers

# On each pair of servers.
HISTORIES = 500
# Without seqs the search has more to do, so not all are searched so as well.
SEQLESS_EACH = 4


@pytest.mark.parametrize("case", CASES)
async def test_histories_are_linearizable(
    each_servers: Servers, small: Ruleset, model: Model, seqless: Model, case: str
) -> None:
    services, idle_evict_s, habits = CASES[case]
    chosen = seeds(case, 0, HISTORIES // len(CASES))
    with redis.Redis.from_url(each_servers.redis.url) as client:
        site = await small_site(each_servers, small, client, idle_evict_s=idle_evict_s)
        async with service_doors(*[site] * services) as (store, doors):
            recorded = await record_many(store, doors, chosen, habits)
        await site.audit()
    assert len(recorded) == len(chosen)
    for each in recorded:
        judge(each, model)
    for each in recorded[::SEQLESS_EACH]:
        assert check(each.operations, seqless).legal
    _worth_it(recorded)


def _worth_it(recorded: Iterable[Recorded]) -> None:
    """There was enough of everything, and it was at once."""
    seen: Counter[str] = Counter()
    for each in recorded:
        last_answer = 0
        for operation in sorted(each.operations, key=lambda operation: operation.invoked):
            seen["at once"] += operation.invoked < last_answer
            last_answer = max(last_answer, operation.answered or 0)
            match operation:
                case Operation(answer=Reply(replayed=replayed)):
                    seen["repeated" if replayed else "applied"] += 1
                case Operation(answer=Refusal()):
                    seen["refused"] += 1
                case Operation(call=Stand(what=what)):
                    seen[what] += 1
            if isinstance(operation.call, Execute):
                seen["sorted"] += any(isinstance(one, SortRequest) for one in operation.call.commands)
    for what in ("applied", "refused", "repeated", "sorted", "load", "evict"):
        assert seen[what] >= 25, (what, seen)
    assert seen["at once"] >= 1000, seen
