"""Secrets that were planted in settings and requests: whatever fails, no log has them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.adversity.fault_proxy import FaultProxy
from tests.servers import Servers
from tests.serving import TOKEN, serving

PASSWORD = "pl4nted-p%40ssword"
SENT = "pl4nted-in-a-request"


def run(*arguments: str, **env: str) -> str:
    """A command to its end; all that it said."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        env=environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout


def check(said: str, *others: str) -> None:
    """None of it is there, in no spelling."""
    assert said.strip()
    for secret in (PASSWORD, "pl4nted", "p@ssword", SENT, TOKEN, *others):
        assert secret not in said, said


@pytest.mark.parametrize(("command", "form"), [("serve", "json"), ("flush", "text"), ("migrate", "json")])
def test_servers_that_are_not_there(command: str, form: str, tmp_path: Path) -> None:
    said = run(
        command,
        HAVERSACK_REDIS_URL=f"redis://user:{PASSWORD}@127.0.0.1:1/0",
        HAVERSACK_DATABASE_URL=f"postgresql://user:{PASSWORD}@127.0.0.1:1/db",
        HAVERSACK_TOKEN=TOKEN,
        HAVERSACK_LOG=form,
        HAVERSACK_LOG_LEVEL="debug",
    )
    check(said)


def test_settings_that_cannot_be_used() -> None:
    check(
        run(
            "serve",
            HAVERSACK_REDIS_URL=f"redis://user:{PASSWORD}@[/0",
            HAVERSACK_DATABASE_URL=f"mysql://user:{PASSWORD}@h/db",
            HAVERSACK_TOKEN=f"{SENT} {SENT}",
        )
    )


async def test_wrong_passwords_and_a_connection_that_breaks(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    """At "debug", by JSON: everything that libraries have to say of it goes into the same lines."""
    proxy, redis = FaultProxy(database_url), urlsplit(servers.redis.url)
    url = proxy.database_url(database_url)
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": f"{url}{'&' if '?' in url else '?'}sslpassword={PASSWORD}",
        "HAVERSACK_LOG": "json",
        "HAVERSACK_LOG_LEVEL": "debug",
        "HAVERSACK_ACCESS_LOG": "on",
    }
    assert redis.scheme
    try:
        with serving(tmp_path / "log", "--demo", env=env) as service:
            async with aiohttp.ClientSession(service.url) as http:
                base = "/v1/characters/11111111-1111-4111-8111-111111111111"
                for headers in (
                    {"Authorization": f"Bearer {TOKEN}", "X-Request-Id": "r-1"},
                    {"Authorization": f"Bearer {SENT}"},
                    {"Authorization": f"Basic {SENT}"},
                    {"Cookie": SENT, "X-Api-Key": SENT},
                ):
                    for path in (base, f"/v1/nowhere?access_token={SENT}", f"{base}/inventory?token={SENT}"):
                        async with http.get(path, headers=headers):
                            pass
                        async with http.post(path, headers=headers, data=f'{{"password": "{SENT}"'):
                            pass
                proxy.cut()
                async with http.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"}):
                    pass
            reader, writer = await asyncio.open_connection(
                urlsplit(service.url).hostname, urlsplit(service.url).port
            )
            writer.write(f"GET / HTTP/1.1\r\nAuthorization Bearer {SENT}\r\n\r\n".encode())
            await reader.read()
            writer.close()
            assert service.stop() == 0
    finally:
        proxy.close()
    said = (tmp_path / "log").read_text()
    check(said)
    events = [json.loads(line) for line in said.splitlines()]
    assert {"debug", "info"} <= {event["level"] for event in events}
    requests = [event for event in events if event["logger"] == "haversack.requests"]
    assert len(requests) == 25
    first = requests[0]
    assert (first["operation"], first["status"], first["code"], first["by"], first["request_id"]) == (
        "read_character", 200, "OK", "service", "r-1",
    )  # fmt: skip
    assert {event["code"] for event in requests} >= {"OK", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_REQUEST"}
