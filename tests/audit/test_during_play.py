"""Audits while gateways play, flush, load and evict: what is well is never said to be wrong."""

import asyncio
import random
import threading
from collections import Counter

import pytest
import redis

from engine.ruleset import Ruleset
from persistence.audit import Options, Report, audit
from persistence.orchestrator import InventoryOrchestrator
from persistence.service import ServiceSettings, open_service
from tests.audit.conftest import create
from tests.audit.playing import play_randomly
from tests.servers import Servers
from tests.service.conftest import new_site

# How many audits there are before play ends, however long they take.
AUDITS = 16
CHARACTERS = [f"0f0e0d0c-0b0a-4908-8706-0504030201{n:02x}" for n in range(1, 17)]


class Auditor(threading.Thread):
    """Audits over and over in a thread and a loop of its own, so that play goes on in the middle of it."""

    def __init__(self, settings: ServiceSettings, ruleset: Ruleset) -> None:
        super().__init__()
        self.settings, self.ruleset = settings, ruleset
        self.reports: list[Report] = []
        self.failure: Exception | None = None
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                # The whole in one batch, whose rows come long after its sessions; then in small ones.
                for options in (Options(), Options(characters=3, rows=20)):
                    self.reports.append(asyncio.run(audit(self.settings, self.ruleset, options)))
        except Exception as error:
            self.failure = error


async def play_beside(auditor: Auditor, gateway: InventoryOrchestrator, rng: random.Random) -> int:
    calls = 0
    while auditor.is_alive() and len(auditor.reports) < AUDITS:
        calls += await play_randomly(gateway, rng.choice(CHARACTERS), rng, calls=5, evictions=0.05)
    return calls


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_false_is_told(servers: Servers, ruleset: Ruleset, seed: int) -> None:
    with redis.Redis.from_url(servers.redis.url) as client:
        site = await new_site(servers, ruleset, client)
    await create(site, *CHARACTERS)
    settings = ServiceSettings(
        site.settings.redis_url, site.settings.database_url, flush_interval_ms=20, idle_evict_s=1
    )
    auditor = Auditor(settings, ruleset)
    async with (
        open_service(settings, ruleset) as first,
        open_service(settings, ruleset) as second,
        open_service(settings, ruleset, flushing=False) as third,
    ):
        auditor.start()
        try:
            calls = await asyncio.gather(
                *(
                    play_beside(auditor, gateway, random.Random(f"{seed}/{number}"))
                    for number, gateway in enumerate((first, second, third) * 3)
                )
            )
        finally:
            auditor.enough.set()
            await asyncio.to_thread(auditor.join)
    assert auditor.failure is None, auditor.failure
    assert [one for report in auditor.reports for one in report.violations] == []
    sums = sum((report.sums for report in auditor.reports), Counter[str]())
    assert sum(calls) > 50 and sums["sessions"] > 20, (calls, sums)
    at_rest = await audit(settings, ruleset)
    assert at_rest.clean and not at_rest.notes, [*at_rest.violations, *at_rest.notes]
