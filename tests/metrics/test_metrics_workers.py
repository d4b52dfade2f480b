"""Several workers, one scrape: it tells of all, whichever answers, and nothing ever goes backwards."""

import os
import signal
from pathlib import Path

from tests.e2e.deployment import WORKERS, Client, Deployment, one_client_a_worker
from tests.metrics.scraped import Scraped, scrape
from tests.servers import Servers
from tests.serving import serving

GRANTED = ("haversack_requests_total", {"operation": "grant", "code": "OK"})


def counted(scraped: Scraped) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All that only grows; a process's own time goes with it."""
    growing = ("_total", "_count", "_bucket", "_sum")
    return {
        key: value
        for key, value in scraped.values.items()
        if key[0].endswith(growing) and key[0].startswith("haversack_")
    }


def ups(scraped: Scraped) -> dict[str, float]:
    return {labels["worker"]: value for labels, value in scraped.series("haversack_worker_up")}


async def test_one_scrape_tells_of_all_workers(servers: Servers, database_url: str, tmp_path: Path) -> None:
    deployment = Deployment(servers, database_url, tmp_path)
    with serving(tmp_path / "log", "--demo", env=deployment.env) as service:
        async with Client(deployment, service) as first:
            await first.create()
        clients = await one_client_a_worker(deployment, service)
        for n, client in enumerate(clients.values(), 1):
            for _ in range(10 * n):
                await client.grant()
        # Whoever is asked.
        seen = [await scrape(client.http) for client in clients.values()]
        assert [scraped.of(GRANTED[0], **GRANTED[1]) for scraped in seen] == [deployment.attempts] * WORKERS
        for scraped in seen:
            assert ups(scraped) == {"1": 1, "2": 1}
            assert scraped.of("haversack_workers") == WORKERS
            assert scraped.of("haversack_worker_replacements_total") == 0
            connections = {
                labels["worker"]: value for labels, value in scraped.series("haversack_connections")
            }
            assert connections.keys() == {"1", "2"} and sum(connections.values()) >= WORKERS
            memory = list(scraped.series("process_resident_memory_bytes"))
            assert {labels["worker"] for labels, _ in memory} == {"1", "2"}

        victim, survivor = clients
        before = await scrape(clients[survivor].http)
        os.kill(victim, signal.SIGKILL)
        during = await scrape(clients[survivor].http)
        assert not _gone_back(before, during), "what the dead one had counted is there"
        await deployment.serving(WORKERS + 1)
        for client in clients.values():
            await client.http.close()
        clients = await one_client_a_worker(deployment, service)
        assert victim not in clients and survivor in clients
        after = [await scrape(client.http) for client in clients.values()]
        for scraped in after:
            assert not _gone_back(during, scraped)
            assert scraped.of(GRANTED[0], **GRANTED[1]) == deployment.attempts
            assert scraped.of("haversack_worker_replacements_total") == 1
            assert ups(scraped) == {"1": 1, "2": 1}
        for client in clients.values():
            await client.http.close()
        assert service.stop() == 0


def _gone_back(before: Scraped, after: Scraped) -> dict[object, tuple[float, float]]:
    later = counted(after)
    return {
        key: (value, later.get(key, 0.0))
        for key, value in counted(before).items()
        if later.get(key, 0.0) < value
    }
