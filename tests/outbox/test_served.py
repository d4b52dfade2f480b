"""The outbox of `haversack serve`: across its death, and with the receiver of docs/outbox.md."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from engine.ruleset import Ruleset
from tests.adversity.site import free_port
from tests.invariants import violations
from tests.metrics.scraped import scrape
from tests.outbox.receiver import SECRET, Receiver, receiving, until
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving

PAGE = Path(__file__).parents[2] / "docs/outbox.md"


def client(service: Serving) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TOKEN}"})


async def create(http: aiohttp.ClientSession, count: int) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    for char_id in ids:
        async with http.post("/v1/characters", json={"char_id": char_id}) as reply:
            assert reply.status == 201
    return ids


async def grant(http: aiohttp.ClientSession, char_id: str, durability: str = "memory") -> int:
    async with http.post(
        f"/v1/characters/{char_id}/inventory/grant",
        json={"template_id": "gold_coin", "quantity": 1},
        headers={"Inventory-Durability": durability},
    ) as reply:
        assert reply.status == 200, await reply.text()
        seq: int = (await reply.json())["seq"]
        return seq


async def begun(log: Path) -> None:
    await until(lambda: "the outbox begins" in log.read_text(), "it has begun")


async def stalled(http: aiohttp.ClientSession, *, yes: bool) -> None:
    """Wait until the metric says so, or no more: an answer is counted when it has come back."""
    async with asyncio.timeout(20):
        while bool((await scrape(http)).of("haversack_outbox_stalled_seconds", worker="1")) != yes:
            await asyncio.sleep(0.05)


async def test_a_process_that_is_killed_while_it_delivers(
    servers: Servers, database_url: str, tmp_path: Path, ruleset: Ruleset
) -> None:
    """What was committed comes, all of it, in order; what was not does not."""
    holding = False

    async def answer(_: Any) -> int:
        if holding:
            await asyncio.sleep(1)
        return 204

    async with receiving(Receiver(answer)) as receiver:
        env = {
            "HAVERSACK_REDIS_URL": servers.redis.url,
            "HAVERSACK_DATABASE_URL": database_url,
            "HAVERSACK_OUTBOX_URL": receiver.url,
            "HAVERSACK_OUTBOX_SECRET": SECRET,
            # So that nothing is committed but what a call asks for.
            "HAVERSACK_FLUSH_INTERVAL_MS": "60000",
        }
        done: dict[str, int] = {}
        with serving(tmp_path / "log", "--demo", env=env) as service:
            await begun(tmp_path / "log")
            async with client(service) as http:
                ids = await create(http, 6)
                for char_id in ids:
                    for _ in range(3):
                        done[char_id] = await grant(http, char_id, "durable")
                await until(lambda: all(receiver.seqs(one) == [1, 2, 3] for one in ids), "all are delivered")
                assert await grant(http, ids[0]) == 4
                holding = True
                for char_id in ids[1:]:
                    done[char_id] = await grant(http, char_id, "durable")
                await until(lambda: receiver.under_way > 0, "it delivers")
                service.kill()
        holding = False
        # What PostgreSQL did not have by then was told to nobody.
        assert 4 not in receiver.seqs(ids[0])
        with serving(tmp_path / "again", env=env) as service:
            await until(
                lambda: all(receiver.seqs(one) == list(range(1, done[one] + 1)) for one in ids[1:]),
                "what was left by the one that died",
            )
            async with (
                client(service) as http,
                http.post(f"/v1/characters/{ids[0]}/session/save") as reply,
            ):
                assert reply.status == 200
            await until(lambda: receiver.seqs(ids[0]) == [1, 2, 3, 4], "what was saved now")
            assert service.stop() == 0
    for log in ("log", "again"):
        text = (tmp_path / log).read_text()
        assert "Traceback" not in text and SECRET not in text and SECRET.removeprefix("whsec_") not in text
    assert await violations(servers.redis.url, database_url, ruleset) == []


async def test_the_receiver_of_the_documentation(servers: Servers, database_url: str, tmp_path: Path) -> None:
    """As it stands there; and what the command tells of it."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    port = free_port()
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "HAVERSACK_OUTBOX_URL": f"http://127.0.0.1:{port}/changes",
        "HAVERSACK_OUTBOX_SECRET": SECRET,
    }
    shown = tmp_path / "shown"
    with shown.open("wb") as output, serving(tmp_path / "log", "--demo", env=env) as service:
        await begun(tmp_path / "log")
        async with client(service) as http:
            (char_id,) = await create(http, 1)
            # Nobody is there yet, and it waits. That is told, though nothing was ever delivered.
            await grant(http, char_id, "durable")
            await stalled(http, yes=True)
            receiver = subprocess.Popen(
                [sys.executable, "-c", program],
                env=os.environ | {"PORT": str(port), "HAVERSACK_OUTBOX_SECRET": SECRET},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                await grant(http, char_id, "durable")

                def lines() -> list[str]:
                    # The demo's characters are shown as well.
                    return [line for line in shown.read_text().splitlines() if line.startswith(char_id)]

                await until(lambda: len(lines()) >= 2, "both are shown", 30)
                assert lines() == [f"{char_id} {seq} ['grant']" for seq in (1, 2)]
                await stalled(http, yes=False)
                async with aiohttp.ClientSession() as stranger:
                    forged = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
                    url = env["HAVERSACK_OUTBOX_URL"]
                    async with stranger.post(url, data=b"{}", headers=forged) as reply:
                        assert reply.status == 401
            finally:
                receiver.kill()
                receiver.wait()
            assert service.process.poll() is None
