"""Erased and exported over HTTP, and by the command line; a process that is killed in the midst of it."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from tests.erasure.traces import traces
from tests.moving_in.console import DYING, Console
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant
from tests.service.ways import served

CHARACTER = f"/v1/characters/{CHAR_ID}"
NOBODY = "/v1/characters/00000000-0000-4000-8000-00000000dead"


async def test_exported_then_erased(site: Site) -> None:
    async with served(site) as (gateway, http):
        await gateway.load_session(CHAR_ID)
        for number in range(12):
            await do(gateway, grant("gold"), by="service", op_id=f"op {number}")
        await do(gateway, grant("dagger"))
        headers = {"X-Request-Id": "of the office"}
        async with http.get(f"{CHARACTER}/export", headers=headers) as reply:
            assert reply.status == 200 and reply.headers["X-Request-Id"] == "of the office"
            assert reply.headers["Content-Disposition"] == f'attachment; filename="character-{CHAR_ID}.json"'
            document = await reply.json()
        assert list(document) == [
            "char_id", "name", "created_at", "imported_at", "exported_at", "seq", "quarantined", "actor",
            "items", "ledger", "baselines", "operations", "incidents", "granted_ids", "unflushed",
            "set_aside", "complete",
        ]  # fmt: skip
        assert (document["name"], document["seq"], document["complete"]) == ("Tess", 13, True)
        assert [entry["seq"] for entry in document["ledger"]] == list(range(1, 14))
        assert sorted(i["template_id"] for i in document["items"]) == ["dagger", "gold"]
        assert document["operations"][0]["op_id"] == "op 0" and "seq" in document["operations"][0]["reply"]
        assert document["unflushed"] == document["set_aside"] == []
        async with http.head(f"{CHARACTER}/export") as reply:
            assert reply.status == 200 and await reply.read() == b""

        for body in ({"a": 1}, [1]):
            async with http.delete(CHARACTER, json=body) as reply:
                assert reply.status == 400
        async with http.delete(CHARACTER, headers={"If-Match": "1.1"}) as reply:
            assert reply.status == 400
        for _ in range(2):
            async with http.delete(CHARACTER) as reply:
                assert (reply.status, await reply.read()) == (204, b"")
        for method, path, status in (
            ("GET", CHARACTER, 404),
            ("GET", f"{CHARACTER}/export", 404),
            ("GET", f"{CHARACTER}/inventory", 404),
            ("GET", f"{CHARACTER}/inventory/journal", 404),
            ("POST", f"{CHARACTER}/session", 404),
            ("DELETE", NOBODY, 404),
            ("GET", f"{NOBODY}/export", 404),
        ):
            async with http.request(method, path) as reply:
                assert (reply.status, (await reply.json())["code"]) == (status, "CHARACTER_NOT_FOUND"), path
        async with http.post("/v1/characters", json={"char_id": CHAR_ID}) as reply:
            assert (reply.status, (await reply.json())["code"]) == (409, "ALREADY_EXISTS")
        left = {one for one in await traces(site, CHAR_ID) if "fence" not in one}
        assert left == {f"erasures.char_id: {CHAR_ID}"}


async def test_what_a_quarantined_session_holds_is_exported(site: Site) -> None:
    async with served(site) as (gateway, http):
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"))
        await gateway.save_session(CHAR_ID)
        await gateway.store.quarantine(CHAR_ID, "not today")
        await gateway._sessions.close(CHAR_ID, "quarantine")
        site.client.rpush(f"inventory:journal:{CHAR_ID}", '{"seq": 2}', "what?")
        site.client.rpush(f"inventory:incident:{CHAR_ID}", '{"seq": 1}')
        async with http.get(f"{CHARACTER}/export") as reply:
            document = await reply.json()
        assert document["quarantined"] == "not today"
        assert document["unflushed"] == [{"seq": 2}, "what?"] and document["set_aside"] == [{"seq": 1}]


async def test_an_export_that_is_cut_off_ends_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("persistence.desk.export._granted_id", _fails)
    async with served(site) as (gateway, http):
        async with gateway.store.database.transaction() as connection:
            await connection.execute("INSERT INTO granted_ids SELECT gen_random_uuid(), $1, ''", CHAR_ID)
        with pytest.raises(aiohttp.ClientError):
            async with http.get(f"{CHARACTER}/export") as reply:
                await reply.read()
        async with http.get(CHARACTER) as reply:
            assert reply.status == 200
    assert "was cut off" in caplog.text


async def test_a_caller_that_hangs_up_is_no_error(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.handlers.export.web.StreamResponse", _HungUpOn)
    async with served(site) as (_, http):
        with pytest.raises(aiohttp.ClientError):
            async with http.get(f"{CHARACTER}/export") as reply:
                await reply.read()
    assert "was cut off" not in caplog.text


class _HungUpOn(web.StreamResponse):
    async def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self._req is not None and self._req.transport is not None
        self._req.transport.close()
        await super().write(data)


def _fails(_: object) -> Any:
    raise RuntimeError("a row that cannot be written down")


async def test_a_ledger_of_many_pages(site: Site) -> None:
    async with served(site) as (gateway, http):
        async with gateway.store.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO journal SELECT $1, n, now(), '', '', '', '[]',"
                ' \'{"changed": [], "removed": []}\''
                " FROM generate_series(1, 1700) AS n",
                CHAR_ID,
            )
            await connection.execute("UPDATE characters SET seq = 1700")
        async with http.get(f"{CHARACTER}/export") as reply:
            document = await reply.json()
        assert [entry["seq"] for entry in document["ledger"]] == list(range(1, 1701))


async def test_by_the_command_line(site: Site, tmp_path: Path) -> None:
    console = Console(site, tmp_path)
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 3))
    document = json.loads(await console.call("character", "export", CHAR_ID))
    assert [item["quantity"] for item in document["items"]] == [3]
    shown = await console.call("character", "erase", CHAR_ID, status=1)
    assert shown == (
        f"{CHAR_ID} 'Tess' would be erased, with all that it has. This cannot be undone.\n"
        "Say --yes to do it.\nNothing was done.\n"
    )
    # Killed where the items have gone and the ledger still tells whose they were.
    console.run("_forget:1:before", "character", "erase", CHAR_ID, "--yes", status=-9, program=DYING)
    assert any(one.startswith("journal.char_id") for one in await traces(site, CHAR_ID))
    done = await console.call("character", "erase", CHAR_ID, "--yes", "--by", "pat")
    assert done == f"Done: {CHAR_ID} is erased.\n"
    left = {one for one in await traces(site, CHAR_ID, "Tess") if "fence" not in one}
    assert left == {f"erasures.char_id: {CHAR_ID}"}
    connection = await asyncpg.connect(site.settings.database_url)
    assert await connection.fetchval("SELECT count(*) FROM journal") == 2
    await connection.close()
    await site.audit()
