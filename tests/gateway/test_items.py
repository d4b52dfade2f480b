"""Templates and the catalog."""

import pytest
from yarl import URL

from tests.gateway.conftest import Client
from tests.gateway.standin import StandIn

SWORD = {
    "template_id": "sword",
    "facts": {
        "template_id": "sword",
        "kind": "weapon",
        "tags": ["blade"],
        "slots": ["main_hand"],
        "stack_limit": 1,
        "weight": 3000,
        "requires": {"level": 5, "classes": ["warrior"], "attributes": {}},
        "bind": "none",
        "max_carried": None,
        "unique_equipped": False,
        "limit_group": None,
        "grants": {"containers": {"quick": 1}, "carry_weight": 0},
        "use": "none",
        "sort_rank": 0,
        "destroyable": True,
        "tradeable": True,
        "retired": False,
    },
    "data": {"name": "Sword", "stats": {"damage": 12}},
}


async def test_a_template_with_every_fact(client: Client) -> None:
    response = await client.get("/v1/items/sword")
    assert (response.status, await response.json()) == (200, SWORD)


@pytest.mark.parametrize("path", ["herbs/sage", "herbs%2Fsage", "herb%73/sage"])
async def test_a_template_with_a_slash_in_its_id(client: Client, path: str) -> None:
    response = await client.get(URL(f"/v1/items/{path}", encoded=True))
    assert (await response.json())["template_id"] == "herbs/sage"


async def test_templates_page_by_page(client: Client, standin: StandIn) -> None:
    first = await (await client.get("/v1/items?limit=2")).json()
    assert [one["template_id"] for one in first["items"]] == ["coin", "herbs/sage"]
    last = await (await client.get("/v1/items", params={"limit": "2", "cursor": first["cursor"]})).json()
    assert last == {"items": [SWORD], "cursor": None}


async def test_templates_of_a_kind(client: Client) -> None:
    body = await (await client.get("/v1/items?kind=weapon")).json()
    assert body == {"items": [SWORD], "cursor": None}
    assert await (await client.get("/v1/items?kind=quest")).json() == {"items": [], "cursor": None}


async def test_the_catalog(client: Client, standin: StandIn) -> None:
    response = await client.get("/v1/catalog")
    assert await response.json() == {
        "version": 3,
        "count": 3,
        "ruleset": standin.ruleset.hash,
        "imported_at": 1_700_000_000_000,
        "by": "Ada",
        "content": "c" * 64,
    }
    assert response.headers["ETag"] == '"3"'
    same = await client.get("/v1/catalog", headers={"If-None-Match": '"3"'})
    assert same.status == 304
