"""`haversack serve --workers 2`: one port, several processes, and a parent that watches over them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from engine.ruleset import Ruleset
from tests.adversity.fault_proxy import FaultProxy
from tests.e2e.deployment import (
    WITHIN_S,
    WORKERS,
    Client,
    Deployment,
    all_gone,
    one_client_a_worker,
    until,
    workers_of,
)
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving


@pytest.fixture
def deployment(servers: Servers, database_url: str, tmp_path: Path) -> Deployment:
    return Deployment(servers, database_url, tmp_path)


async def test_the_same_character_by_both_workers(deployment: Deployment, ruleset: Ruleset) -> None:
    """Nothing lost, nothing doubled, and the seqs of both make one row."""
    with serving(deployment.tmp_path / "log", "--demo", env=deployment.env) as service:
        async with Client(deployment, service) as first:
            await first.create()
        clients = await one_client_a_worker(deployment, service)
        assert sorted(clients) == sorted(workers_of(service))
        # The parent listens nowhere, or connections would wait there for nobody.
        assert not psutil.Process(service.process.pid).net_connections("inet")

        async def play(client: Client, pid: int) -> None:
            for _ in range(40):
                assert (await client.grant())[1] == pid
            await client.ready()

        await asyncio.gather(*(play(client, pid) for pid, client in clients.items()))
        assert sorted(deployment.told) == list(range(1, len(deployment.told) + 1))
        assert len(deployment.told) == deployment.attempts
        for client in clients.values():
            await client.http.close()
        assert service.stop() == 0
    await deployment.check(ruleset)
    assert "Traceback" not in deployment.log


async def test_a_worker_that_is_killed_is_replaced(deployment: Deployment, ruleset: Ruleset) -> None:
    """The other one answers all the while; what the dead one had acknowledged is there."""
    with serving(deployment.tmp_path / "log", "--demo", env=deployment.env) as service:
        async with Client(deployment, service) as first:
            await first.create()
        clients = await one_client_a_worker(deployment, service)
        victim, survivor = clients
        playing, broken = True, dict.fromkeys(clients, 0)

        async def play(client: Client, pid: int) -> None:
            while playing:
                try:
                    await client.grant()
                except aiohttp.ClientError:
                    broken[pid] += 1

        players = [asyncio.create_task(play(client, pid)) for pid, client in clients.items()]
        for starts in (WORKERS + 1, WORKERS + 2):
            await deployment.more()
            os.kill(victim, signal.SIGKILL)
            await deployment.serving(starts)
            (victim,) = set(workers_of(service)) - {survivor}
        await deployment.more()
        playing = False
        await asyncio.gather(*players)
        assert broken[survivor] == 0, "the other worker's callers notice nothing"
        for client in clients.values():
            await client.http.close()
        again = await one_client_a_worker(deployment, service)
        assert set(again) == {victim, survivor}
        for client in again.values():
            await client.http.close()
        assert service.process.poll() is None
        assert service.stop() == 0
    assert deployment.log.count("was ended by SIGKILL; another follows in") == 2
    await deployment.check(ruleset)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_stop_flushes_what_every_worker_acknowledged(
    deployment: Deployment, ruleset: Ruleset, number: signal.Signals
) -> None:
    """Ctrl-C goes to all processes of a terminal at once, and is still the parent's to act on."""
    # A flush every minute: nothing is written before the stop.
    env = deployment.env | {"HAVERSACK_FLUSH_INTERVAL_MS": "60000"}
    program = ("setsid", sys.executable, "-m", "gateway.cli")
    with serving(deployment.tmp_path / "log", "--demo", env=env, program=program) as service:
        async with Client(deployment, service) as first:
            await first.create()
        clients = await one_client_a_worker(deployment, service)
        stopping = False

        async def play(client: Client) -> None:
            """No call is broken: the last one is answered, and says that the connection closes."""
            while not client.told_to_leave:
                await client.grant()
            assert stopping

        players = [asyncio.create_task(play(client)) for client in clients.values()]
        await deployment.more()
        pids = workers_of(service)
        stopping = True
        os.killpg(service.process.pid, number)
        await asyncio.gather(*players)
        assert await asyncio.to_thread(service.process.wait, WITHIN_S) == 0
        assert all_gone(pids)
        for client in clients.values():
            await client.http.close()
    assert "Stopping: requests are finished" in deployment.log
    assert "another follows" not in deployment.log and "Traceback" not in deployment.log
    await deployment.check(ruleset)


async def test_a_stop_flushes_what_came_while_another_worker_flushed(
    deployment: Deployment, ruleset: Ruleset
) -> None:
    """The first worker to stop has the session claimed, so the last one leaves it what it added."""
    proxy = FaultProxy(deployment.database_url)
    env = deployment.env | {
        "HAVERSACK_FLUSH_INTERVAL_MS": "60000",
        "HAVERSACK_DATABASE_URL": proxy.database_url(deployment.database_url),
    }
    try:
        with serving(deployment.tmp_path / "log", "--demo", env=env) as service:
            async with Client(deployment, service) as client:
                await client.create()
            clients = await one_client_a_worker(deployment, service)
            first, last = clients
            proxy.stall_before(b"COMMIT")
            os.kill(first, signal.SIGTERM)
            await until(lambda: proxy.hits > 0, "the first one flushes")
            assert (await clients[last].grant())[1] == last
            calls = deployment.function_calls()
            service.process.send_signal(signal.SIGTERM)
            await until(lambda: deployment.function_calls() > calls, "the last one claims, and gets nothing")
            proxy.flow()
            for client in clients.values():
                await client.http.close()
            assert await asyncio.to_thread(service.process.wait, WITHIN_S) == 0
    finally:
        proxy.close()
    if "changes stay in Redis" in deployment.log:
        pytest.skip("the machine is too slow for a stop, which gives a flush 10 s")
    await deployment.check(ruleset)


async def test_workers_that_stop_before_their_parent_has_looked(deployment: Deployment) -> None:
    """A supervisor of services may send SIGTERM to all processes; nobody is started again then."""
    program = ("setsid", sys.executable, "-m", "gateway.cli")
    with serving(deployment.tmp_path / "log", env=deployment.env, program=program) as service:
        workers = [psutil.Process(pid) for pid in workers_of(service)]
        os.kill(service.process.pid, signal.SIGSTOP)
        os.killpg(service.process.pid, signal.SIGTERM)
        await until(lambda: all(one.status() == psutil.STATUS_ZOMBIE for one in workers), "they stop")
        os.kill(service.process.pid, signal.SIGCONT)
        assert await asyncio.to_thread(service.process.wait, WITHIN_S) == 0
    assert "another follows" not in deployment.log and "Traceback" not in deployment.log


async def test_no_worker_outlives_its_parent(deployment: Deployment, ruleset: Ruleset) -> None:
    """Nor keeps the port from the next one."""
    with serving(deployment.tmp_path / "log", "--demo", env=deployment.env) as service:
        async with Client(deployment, service) as first:
            await first.create()
            for _ in range(10):
                await first.grant()
        pids = workers_of(service)
        assert len(pids) == WORKERS
        service.kill()
        await until(lambda: all_gone(pids), "nobody is left")
    port = str(urlsplit(service.url).port)
    with serving(deployment.tmp_path / "log", "--port", port, env=deployment.env) as service:
        async with Client(deployment, service) as client:
            assert (await client.grant())[0] == 11
        assert service.stop() == 0
    await deployment.check(ruleset)


@pytest.fixture(params=["one process", "workers"])
def taken(deployment: Deployment, request: pytest.FixtureRequest) -> Iterator[str]:
    """A port that another service of the same user has."""
    env = deployment.env | ({"HAVERSACK_WORKERS": "1"} if request.param == "one process" else {})
    with serving(deployment.tmp_path / "first", env=env) as service:
        yield str(urlsplit(service.url).port)


async def test_a_port_is_not_shared_with_another_service(deployment: Deployment, taken: str) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "gateway.cli", "serve", "--port", taken],
        env=os.environ | deployment.env | {"HAVERSACK_TOKEN": TOKEN},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"haversack: port {taken} is taken; --port names another\n" in done.stderr
    assert "Traceback" not in done.stderr


async def test_workers_that_cannot_begin_end_it(deployment: Deployment) -> None:
    """Its last words are a worker's, and nobody is left."""
    with serving(deployment.tmp_path / "log", env=deployment.env) as service:
        assert service.stop() == 0
    with pytest.raises(AssertionError, match=r"ended with 1"):
        Serving(deployment.tmp_path / "shards", env=deployment.env | {"HAVERSACK_SHARDS": "2"})
    said = (deployment.tmp_path / "shards").read_text()
    assert "haversack: worker " in said.splitlines()[-1]
    assert "ended with status 1: sessions here are kept in 1 shards, not 2" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert deployment.processes() == []


async def test_an_embedded_server_that_dies_ends_it(tmp_path: Path, data_dir: Path) -> None:
    with serving(tmp_path / "log", "--data-dir", str(data_dir), env={"HAVERSACK_WORKERS": "2"}) as service:
        children = psutil.Process(service.process.pid).children()
        pids = [one.pid for one in children if "gateway.cli" in one.cmdline()]
        assert len(pids) == WORKERS
        (valkey,) = (one for one in children if "valkey-server" in " ".join(one.cmdline()))
        valkey.kill()
        assert await asyncio.to_thread(service.process.wait, 60) == 1
        assert all_gone(pids)
    log = (tmp_path / "log").read_text()
    assert "haversack: Valkey (process" in log and "another follows" not in log
