"""Real replies of every operation, held against what the document says of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.openapi.schemas import Schemas
from tests.servers import Servers
from tests.serving import TOKEN, serving

HERO = "0a1b2c3d-4e5f-4a6b-8c7d-0000000000aa"
NOBODY = "0a1b2c3d-4e5f-4a6b-8c7d-0000000000ff"
BREAD = {"template_id": "brown_bread", "quantity": 3}
# They answer with something else than a reply: files, frames, events.
WITHOUT_JSON = {"read_docs", "read_docs_file", "read_events", "read_metrics", "stream"}


class Caller:
    """Calls operations by name, and holds each answer against the document."""

    def __init__(self, http: aiohttp.ClientSession, schemas: Schemas) -> None:
        self._http = http
        self._schemas = schemas
        self.answered: dict[str, set[int]] = {}

    async def __call__(
        self,
        name: str,
        body: Any = None,
        *,
        expected: int = 200,
        lines: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        **parts: str,
    ) -> Any:
        path, method, operation = next(
            one for one in self._schemas.operations() if one[2]["operationId"] == name
        )
        url = path.format(**{"char_id": HERO, **parts})
        sent: Any = {"json": body} if lines is None else {"data": lines}
        async with self._http.request(method, url, headers=headers, params=query, **sent) as response:
            text = await response.text()
            assert response.status == expected, (name, response.status, text)
            self.answered.setdefault(name, set()).add(response.status)
            said = self._schemas.response(operation, response.status)
            for header, told in said["headers"].items():
                assert header in response.headers or not told.get("required"), (name, header)
            if response.status in (204, 304):
                assert text == ""
                return None
            value = await response.json(content_type=None)
            self._schemas.check_reply(operation, response.status, response.content_type, value)
            return value


@pytest.fixture
def url(servers: Servers, database_url: str, tmp_path: Path) -> Iterator[str]:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "log", "--demo", env=env) as process:
        yield process.url


async def test_every_operation(url: str, schemas: Schemas) -> None:
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        call = Caller(http, schemas)
        await service(call)
        await character(call)
        await inventory(call)
        await commands(call)
        await dry_runs(call)
        await problems(call)
        await farewell(call)
        for operation in schemas.operations():
            name = operation[2]["operationId"]
            successes = {int(status) for status in operation[2]["responses"] if status[0] == "2"}
            if name not in WITHOUT_JSON:
                assert successes <= call.answered.get(name, set()), name


async def service(call: Caller) -> None:
    for name in ("alive", "ready", "read_openapi", "read_catalog"):
        await call(name)
    templates = await call("find_templates", query={"limit": "2"})
    await call("find_templates", query={"kind": "weapon", "cursor": templates["cursor"]})
    await call("read_template", template_id="iron_sword")
    await call("read_template", template_id="nothing", expected=404)
    await call("read_catalog_source")
    await catalog(call)


async def catalog(call: Caller) -> None:
    known = (await call("find_templates", query={"limit": "500"}))["items"]
    lines = [json.dumps({"facts": one["facts"], "data": one["data"]}) for one in known]
    ndjson = {"Content-Type": "application/x-ndjson"}
    only_asked = {"dry_run": "true"}
    await call("replace_catalog", lines="\n".join(lines), headers=ndjson)
    await call("replace_catalog", lines="\n".join(lines[1:]), headers=ndjson, query=only_asked)
    await call("replace_catalog", lines="{}", headers=ndjson, expected=400)
    await call("replace_catalog", lines=lines[0], headers={**ndjson, "If-Match": '"999"'}, expected=412)
    await call("find_catalog_versions", query={"limit": "1"})


async def character(call: Caller) -> None:
    new = {"char_id": HERO, "name": "Wanderer", "actor": {"level": 9, "class": "warrior"}}
    await call("create_character", new, expected=201)
    await call("create_character", new, expected=409)
    await call("find_characters", query={"name": "wand"})
    await call("read_character")
    await call("load_session", expected=201)
    await call("load_session", expected=200)
    await call("save_session")
    await call("evict_session")
    await call("change_character", {"attributes": {"strength": 20}, "states": {"add": ["in_combat"]}})
    await call("change_character", {"states": {"remove": ["in_combat"]}})


async def inventory(call: Caller) -> None:
    await call("grant", {"template_id": "steel_longsword", "quantity": 1})
    await call("grant", BREAD, headers={"Idempotency-Key": "loaves", "X-Request-Id": "one"})
    await call("grant", BREAD, headers={"Idempotency-Key": "loaves", "Inventory-Durability": "durable"})
    await call("grant", {"template_id": "gold_coin", "quantity": 12})
    whole = await call("read_inventory")
    sword = next(item for item in whole["items"] if item["template_id"] == "steel_longsword")
    await call("equip", {"item_id": sword["item_id"]})
    for query in ({}, {"expand": "items"}):
        whole = await call("read_inventory", query=query)
    tag = f'"{whole["tag"]}"'
    await call("read_inventory", headers={"If-None-Match": tag}, expected=304)
    for name in ("read_equipment", "read_wallet", "read_capacity", "read_stats"):
        await call(name)
    for item in whole["items"]:
        await call("read_item", item_id=item["item_id"])
    for container in ("bag", "bank", "quick", "overflow"):
        page = await call(f"read_{container}", query={"limit": "1", "sort": "-name"})
        if page["cursor"]:
            await call(f"read_{container}", query={"limit": "1", "sort": "-name", "cursor": page["cursor"]})
    ledger = await call("read_journal", query={"limit": "2"})
    await call("read_journal", query={"after_seq": ledger["cursor"]})


async def commands(call: Caller) -> None:
    whole = await call("read_inventory")
    item = {one["template_id"]: one["item_id"] for one in whole["items"]}
    sword, bread = item["steel_longsword"], item["brown_bread"]
    await call("unequip", {"item_id": sword})
    await call("move", {"item_id": bread, "to": {"container": "bag", "slot": 7}, "quantity": 1})
    await call("lock", {"item_id": bread})
    await call("drop", {"item_id": bread}, expected=409)
    await call("unlock", {"item_id": bread})
    await call("sort", {"container": "bag"})
    whole = await call("read_inventory")
    bread = next(one["item_id"] for one in whole["items"] if one["template_id"] == "brown_bread")
    await call("use", {"item_id": bread})
    await call("consume", {"template_id": "brown_bread", "quantity": 1})
    await call("grant", {**BREAD, "quantity": 10**6, "partial": True})
    two = [{"op": "grant", **BREAD, "quantity": 10**6, "partial": True}] * 2
    await call("execute", {"commands": [*two, {"op": "lock", "item_id": sword}]})
    await call("drop", {"item_id": sword}, expected=409)
    await call("unlock", {"item_id": sword})
    await call("drop", {"item_id": sword})
    one = {"char_id": HERO, "commands": [{"op": "consume", "template_id": "brown_bread", "quantity": 1}]}
    await call(
        "execute_many",
        {"requests": [one, {**one, "dry_run": True}, {**one, "if_match": "0.1"}, {**one, "char_id": NOBODY}]},
    )


async def dry_runs(call: Caller) -> None:
    only_asked = {"dry_run": "true"}
    await call("grant", {**BREAD, "quantity": 10**6, "partial": True}, query=only_asked)
    await call("consume", {"template_id": "brown_bread", "quantity": 10**6}, query=only_asked, expected=422)


async def farewell(call: Caller) -> None:
    await call("export_character")
    await call("erase_character", expected=204)
    await call("export_character", expected=404)


async def problems(call: Caller) -> None:
    await call("read_character", char_id="nobody", expected=400)
    await call("read_inventory", char_id=NOBODY, expected=404)
    await call("consume", {"template_id": "brown_bread", "quantity": 10**9}, expected=422)
    await call("move", {"item_id": "5" * 32, "to": {"container": "bag"}}, expected=404)
    await call("grant", BREAD, headers={"If-Match": "0.1"}, expected=412)
    await call("grant", {**BREAD, "quantity": 1}, headers={"Idempotency-Key": "loaves"}, expected=422)
    await call("grant", None, expected=415)
    await call("grant", {"template_id": "x" * (300 << 10), "quantity": 1}, expected=413)
    await call("read_character", headers={"Authorization": "Bearer wrong"}, expected=401)
