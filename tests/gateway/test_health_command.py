"""`haversack health` before a gateway: what it asks, and what its exit status says."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from gateway import cli
from tests.adversity.site import free_port
from tests.gateway.conftest import Client
from tests.gateway.standin import StandIn, server

Captured = pytest.CaptureFixture[str]


async def health(port: int | str | None, *arguments: str) -> int:
    """Its exit status; it waits for its answer, so it is not for the thread of who answers."""
    return await asyncio.to_thread(cli.main, ["health", "--port", str(port), *arguments])


async def test_healthy_and_ready(client: Client, standin: StandIn, capsys: Captured) -> None:
    assert await health(client.port) == await health(client.port, "--ready") == 0
    assert capsys.readouterr().out == "ok\nok\n"
    standin.checks = {"redis": "ok", "postgresql": "away"}
    assert await health(client.port) == 0
    assert await health(client.port, "--ready") == 1
    assert "503, postgresql: failed" in capsys.readouterr().err


async def test_who_listens_on_all_addresses_is_asked_on_loopback(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("HAVERSACK_TOKEN", "t" * 32)
    assert await health(client.port, "--host", "0.0.0.0") == 0
    assert await health(client.port, "--host", "::") == 1
    assert "::1, port" in capsys.readouterr().err


async def test_by_tls_as_the_settings_say(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a name that is not asked for: whoever checks a container knows it by its address."""
    cert = trustme.CA().issue_cert("inventory.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    cert.configure_cert(context)
    listening = server(standin)
    await listening.start_server(ssl=context)
    try:
        assert await health(listening.port) == 1
        for name in ("CERT", "KEY"):
            monkeypatch.setenv(f"HAVERSACK_TLS_{name}", str(tmp_path / name))
        assert await health(listening.port) == 0
    finally:
        await listening.close()


def test_nobody_answers(capsys: Captured) -> None:
    assert cli.main(["health", "--port", free_port()]) == 1
    assert "no answer" in capsys.readouterr().err
    assert cli.main(["health", "--port", "0"]) == 2
