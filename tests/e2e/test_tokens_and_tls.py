"""A deployment behind TLS: tokens, keys and certificates are changed while it serves, in every worker."""

import asyncio
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme

from gateway import cli
from tests.e2e.deployment import until, workers_of
from tests.gateway.tokens import SECRET, bearer, claims, entry, player, signed, write
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving

HEDDA = "11111111-1111-4111-8111-111111111111"
SWORD = "11111111000000000000000100000001"
INVENTORY = f"/v1/characters/{HEDDA}/inventory"
# As many fresh connections as make it sure that each worker has had one.
CONNECTIONS = 24
WITHIN_S = 30.0


class Studio:
    """Files of a deployment, and callers that trust its authority."""

    def __init__(self, tmp_path: Path) -> None:
        self.log = tmp_path / "log"
        self.tokens = tmp_path / "tokens.toml"
        self.key = tmp_path / "player.secret"
        self.cert, self.cert_key = tmp_path / "cert.pem", tmp_path / "key.pem"
        self.authority = trustme.CA()
        self.trust = ssl.create_default_context()
        self.authority.configure_trust(self.trust)
        self.renew()
        write(self.tokens, entry("shop", "first", "grant", "read"))
        self.key.write_text(SECRET)

    def renew(self) -> None:
        """The key first, the certificate later, as renewals do: for a moment they do not fit."""
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        self.cert_key.write_bytes(issued.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))

    def env(self, servers: Servers, database_url: str) -> dict[str, str]:
        return {
            "HAVERSACK_REDIS_URL": servers.redis.url,
            "HAVERSACK_DATABASE_URL": database_url,
            "HAVERSACK_WORKERS": "2",
            "HAVERSACK_TOKENS": str(self.tokens),
            "HAVERSACK_PLAYER_KEY": str(self.key),
            "HAVERSACK_TLS_CERT": str(self.cert),
            "HAVERSACK_TLS_KEY": str(self.cert_key),
        }

    async def status(self, service: Serving, token: str, path: str = INVENTORY) -> int:
        """Of a request over a connection of its own."""
        connector = aiohttp.TCPConnector(ssl=self.trust, force_close=True)
        async with (
            aiohttp.ClientSession(service.url, connector=connector) as http,
            http.get(path, headers=bearer(token)) as reply,
        ):
            return reply.status

    async def everywhere(self, service: Serving, token: str) -> set[int]:
        return {await self.status(service, token) for _ in range(CONNECTIONS)}

    async def serial(self, service: Serving) -> str:
        """That of the certificate that a new connection is shown."""
        at = urlsplit(service.url)
        _, writer = await asyncio.open_connection(at.hostname, at.port, ssl=self.trust)
        shown = writer.get_extra_info("peercert")["serialNumber"]
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()
        return str(shown)


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await holds():
            await asyncio.sleep(0.1)


async def test_rights_are_changed_while_it_serves(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    studio = Studio(tmp_path)
    with serving(studio.log, "--demo", env=studio.env(servers, database_url)) as service:
        assert service.url.startswith("https://127.0.0.1:")
        await play(studio, service)

        # A rotation: the second token is let in beside the first, then the first is not any more.
        both = (entry("shop", "first", "grant", "read"), entry("shop-2", "second", "grant", "read"))
        write(studio.tokens, *both)
        await eventually(lambda: only(studio.everywhere(service, "second"), 200))
        assert await studio.everywhere(service, "first") == {200}
        write(studio.tokens, both[1])
        await eventually(lambda: only(studio.everywhere(service, "first"), 401))
        assert await studio.everywhere(service, "second") == {200}

        # A file that is broken changes nothing.
        write(studio.tokens, both[1], "[[token]]\n")
        await until(lambda: studio.log.read_text().count("stay as they were") >= 2, "both have looked")
        assert "token 2: Object missing required field `name`" in studio.log.read_text()
        assert await studio.everywhere(service, "second") == {200}

        # A new secret; SIGHUP has all look at once.
        write(studio.tokens, both[1])
        studio.key.write_text("a-new-secret-of-the-studio-long-enough")
        service.process.send_signal(signal.SIGHUP)
        fresh = signed(claims(sub=HEDDA), "a-new-secret-of-the-studio-long-enough")
        await eventually(lambda: only(studio.everywhere(service, fresh), 200))
        assert await studio.everywhere(service, player(HEDDA)) == {401}

        before = await studio.serial(service)
        studio.renew()
        async with asyncio.timeout(WITHIN_S):
            while before in {await studio.serial(service) for _ in range(CONNECTIONS)}:
                await asyncio.sleep(0.1)

        assert len(workers_of(service)) == 2
        assert service.stop() == 0
    log = studio.log.read_text()
    assert "another follows" not in log and "Traceback" not in log
    for secret in (TOKEN, SECRET, "first", "second", fresh):
        assert secret not in log


async def only(statuses: Awaitable[set[int]], status: int) -> bool:
    return await statuses == {status}


async def play(studio: Studio, service: Serving) -> None:
    """A game client with its character's token, a shop with its own, and what the ledger says of them."""
    connector = aiohttp.TCPConnector(ssl=studio.trust)
    async with aiohttp.ClientSession(service.url, connector=connector) as http:
        client, shop = bearer(player(HEDDA)), bearer("first")
        grant = {"template_id": "gold_coin", "quantity": 1}
        for headers, path, body, status in (
            (client, "equip", {"item_id": SWORD}, 200),
            (client, "grant", grant, 403),
            (shop, "grant", grant, 200),
            (shop, "equip", {"item_id": SWORD}, 403),
        ):
            async with http.post(f"{INVENTORY}/{path}", json=body, headers=headers) as reply:
                assert reply.status == status, await reply.text()
        async with http.get(f"{INVENTORY}/journal?limit=500", headers=client) as reply:
            assert [one["by"] for one in (await reply.json())["entries"]][-2:] == [f"player:{HEDDA}", "shop"]


async def test_old_versions_of_tls_and_none_at_all_are_refused(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    studio = Studio(tmp_path)
    env = studio.env(servers, database_url) | {"HAVERSACK_WORKERS": "1", "HAVERSACK_REQUEST_TIMEOUT_S": "1"}
    with serving(studio.log, env=env) as service:
        at = urlsplit(service.url)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        studio.authority.configure_trust(old)
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(at.hostname, at.port, ssl=old)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(WITHIN_S):
            assert b"HTTP" not in await reader.read()
        # Who says nothing before the handshake is let go as well.
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        async with asyncio.timeout(WITHIN_S):
            assert await reader.read() == b""
        assert await studio.status(service, TOKEN, "/healthz") == 200
        # Without workers the signal is the process's own.
        write(studio.tokens, entry("shop", "third", "read"))
        service.process.send_signal(signal.SIGHUP)
        await eventually(lambda: only(studio.everywhere(service, "third"), 404))
        assert service.stop() == 0


def refused(env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a start says that ends before any server is begun."""
    monkeypatch.setattr(os, "environ", env)
    assert cli.main(["serve", "--port", "0"]) == 2
    return capsys.readouterr().err


def test_what_is_wrong_with_the_files_is_told_at_the_start(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = Studio(tmp_path)
    env = studio.env(servers, "postgresql://nobody@127.0.0.1:1/nothing")
    studio.tokens.write_text("[[token]]\n")
    studio.key.write_text("hunter2")
    said = refused(env, monkeypatch, capsys)
    assert "HAVERSACK_TOKENS: " in said and "token 1: Object missing required field `name`" in said
    assert f"HAVERSACK_PLAYER_KEY: {studio.key}: expected a public key" in said and "hunter2" not in said
    studio.tokens.write_text("")
    studio.key.write_text(SECRET)
    # The certificate of another key.
    own = studio.cert.read_bytes()
    studio.renew()
    studio.cert.write_bytes(own)
    assert "HAVERSACK_TLS_CERT, HAVERSACK_TLS_KEY: not a certificate chain in PEM and its key" in refused(
        env, monkeypatch, capsys
    )
    del env["HAVERSACK_TLS_KEY"]
    assert "HAVERSACK_TLS_CERT: is needed with HAVERSACK_TLS_KEY" in refused(env, monkeypatch, capsys)
