"""Containers page by page: filters, sorts, and who may ask."""

import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp.plugin import AiohttpClient
from yarl import URL

from engine.facts import Facts
from engine.ruleset import Ruleset, load_ruleset
from engine.ruleset_file import ContainerEntry
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.hoard import BAG, INVENTORY, ORDERS, Hoard, fill, page, pages, slots, stocked
from tests.gateway.standin import ABSENT_ID, CHAR_ID, HEADERS, server

quickly = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def standin() -> Hoard:
    return stocked()


async def test_what_is_in_the_bag(client: Client, standin: Hoard) -> None:
    fill(standin)
    response = await client.get(BAG)
    assert (response.status, response.headers["ETag"]) == (200, '"1.7+3"')
    body = await response.json()
    assert (slots(body), body["cursor"], body["total"]) == ([0, 1, 2, 4, 5, 7, 11, 13], None, 8)
    whole = await (await client.get(f"{INVENTORY}?expand=items")).json()
    assert body["items"] == [item for item in whole["items"] if item["place"]["container"] == "bag"]
    assert body["items"][1]["data"] == {"name": "ähre"}


@pytest.mark.parametrize(("container", "count"), [("bag", 8), ("bank", 1), ("quick", 0), ("overflow", 0)])
async def test_every_container(client: Client, standin: Hoard, container: str, count: int) -> None:
    fill(standin)
    assert (await page(client, f"{INVENTORY}/{container}"))["total"] == count


@pytest.mark.parametrize("sort", ORDERS)
async def test_sorted(client: Client, standin: Hoard, sort: str) -> None:
    fill(standin)
    assert slots(await page(client, sort=sort)) == ORDERS[sort]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"section": "weapon"}, [2, 7, 11]),
        ({"category": "magic"}, [2, 4, 11]),
        ({"section": "consumable", "category": "magic"}, [4]),
        ({"section": "quest"}, []),
        ({"section": "weapon", "category": "food"}, []),
        ({"category": "magic", "sort": "-slot"}, [11, 4, 2]),
    ],
)
async def test_filtered(client: Client, standin: Hoard, query: dict[str, str], expected: list[int]) -> None:
    fill(standin)
    body = await page(client, **query)
    assert (slots(body), body["total"]) == (expected, len(expected))
    found = await pages(client, **query, limit=1)
    assert [slot for one in found for slot in slots(one)] == expected
    assert len(found) == max(1, len(expected))
    assert {one["total"] for one in found} == {len(expected)}


@quickly
@given(
    stacks=st.dictionaries(
        st.integers(0, 60),
        st.tuples(st.sampled_from(["axe", "bread", "club", "draught", "eel", "gone"]), st.integers(1, 4)),
    ),
    sort=st.sampled_from(sorted(ORDERS)),
    limit=st.integers(1, 20),
    category=st.sampled_from([None, "magic"]),
)
async def test_paging_shows_every_item_once(
    client: Client,
    standin: Hoard,
    stacks: dict[int, tuple[str, int]],
    sort: str,
    limit: int,
    category: str | None,
) -> None:
    standin.held.clear()
    for slot, (template_id, quantity) in stacks.items():
        standin.put(template_id, "bank", slot, quantity)
    query = {"sort": sort} | ({} if category is None else {"category": category})
    (whole,) = await pages(client, f"{INVENTORY}/bank", **query, limit=500)
    found = await pages(client, f"{INVENTORY}/bank", **query, limit=limit)
    assert [item for one in found for item in one["items"]] == whole["items"]
    assert all(len(one["items"]) == limit for one in found[:-1])
    assert len(found) == max(1, math.ceil(len(stacks) / limit)) or category
    assert {one["total"] for one in found} == {len(whole["items"])}
    if category is None:
        assert sorted(slots(whole)) == sorted(stacks)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("section=potion", "section"),
        ("section=", "section"),
        ("section=Weapon", "section"),
        ("category=weapon", "category"),
        ("category=", "category"),
        ("sort=", "sort"),
        ("sort=-", "sort"),
        ("sort=--name", "sort"),
        ("sort=+name", "sort"),
        ("sort=price", "sort"),
        ("sort=Name", "sort"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%00%FF", "cursor"),
        ("cursor=ü", "cursor"),
        ("cursor=" + "A" * 4000, "cursor"),
        ("cursor=a&cursor=a", "cursor"),
        ("sort=name&sort=name", "sort"),
        ("page=2", "page"),
        ("Sort=name", "Sort"),
    ],
)
async def test_what_is_not_understood(client: Client, standin: Hoard, query: str, named: str) -> None:
    response = await client.get(URL(f"{BAG}?{query}", encoded=query.isascii()))
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": named}
    assert standin.loaded == []


async def test_what_is_in_no_catalog(client: Client, standin: Hoard) -> None:
    fill(standin)
    standin.put("bygone", "bag", 19)
    last = (await page(client, sort="kind"))["items"][-1]
    assert (last["template_id"], "data" in last) == ("bygone", False)
    assert slots(await page(client, sort="name"))[0] == 19
    assert 19 not in [
        slot for kind in ("weapon", "consumable") for slot in slots(await page(client, section=kind))
    ]


async def test_by_the_facts_of_the_catalog(client: Client, standin: Hoard) -> None:
    """A session that was loaded before the catalog changed still holds the old ones."""
    fill(standin)
    standin.stale["eel"] = Facts("eel", "weapon", tags=("blade",), weight=5000)
    assert slots(await page(client, section="weapon")) == [2, 7, 11]
    assert slots(await page(client, sort="weight")) == ORDERS["weight"]


@pytest.mark.parametrize("query", ["", "?sort=name&limit=2", "?section=weapon"])
async def test_what_the_caller_has_already(client: Client, standin: Hoard, query: str) -> None:
    fill(standin)
    tag = (await client.get(BAG + query)).headers["ETag"]
    for known in (tag, f"W/{tag}", "*"):
        response = await client.get(BAG + query, headers={"If-None-Match": known})
        assert (response.status, response.headers["ETag"], await response.read()) == (304, tag, b"")
    assert (await client.get(BAG + query, headers={"If-None-Match": '"1.7"'})).status == 200
    standin.items.version = 4
    assert (await client.get(BAG + query, headers={"If-None-Match": tag})).status == 200


async def test_other_methods_and_spellings(client: Client, standin: Hoard) -> None:
    fill(standin)
    head = await client.head(BAG)
    assert (head.status, head.headers["ETag"], await head.read()) == (200, '"1.7+3"', b"")
    refused = await client.post(BAG)
    await problem(refused, 405, "METHOD_NOT_ALLOWED")
    assert refused.headers["Allow"] == "GET, HEAD"
    assert (await page(client, f"{INVENTORY}/%62ag"))["total"] == 8
    for wrong in ("Bag", "bags", "bag/", "equipment/", "bag%2F"):
        await problem(await client.get(URL(f"{INVENTORY}/{wrong}", encoded=True)), 404, "NOT_FOUND")
    document = await problem(await client.get(BAG, headers={"If-Match": "*"}), 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "If-Match"}


async def test_whose_bag(client: Client, stranger: Client, standin: Hoard) -> None:
    await problem(await stranger.get(BAG), 401, "UNAUTHENTICATED")
    await problem(await client.get(f"/v1/characters/{ABSENT_ID}/inventory/bag"), 404, "CHARACTER_NOT_FOUND")
    standin.not_live = 1
    assert (await page(client))["total"] == 0
    assert standin.loaded == [CHAR_ID]


async def test_containers_of_another_ruleset(aiohttp_client: AiohttpClient) -> None:
    """Every purse but the wallet has a page; what is named as a fixed path has none."""
    source = load_ruleset().source
    named = [("purse", "purse"), ("capacity", "slots"), ("move", "slots"), ("items", "mailbox")]
    entries = tuple(ContainerEntry(name, kind) for name, kind in named)  # type: ignore[arg-type]
    ruleset = Ruleset(msgspec.structs.replace(source, containers=(*source.containers, *entries)))
    hoard = stocked(ruleset)
    fill(hoard)
    for template_id in ("eel", "axe", "coin"):
        hoard.put(template_id, "purse", template_id, 10**12)
    letter = hoard.put("axe", "items", 10_000)
    client = await aiohttp_client(server(hoard), headers=HEADERS)
    found = await pages(client, f"{INVENTORY}/purse", sort="-weight", limit=1)
    assert [slot for one in found for slot in slots(one)] == ["axe", "eel", "coin"]
    found = await pages(client, f"{INVENTORY}/purse", limit=1)
    assert [slot for one in found for slot in slots(one)] == ["axe", "coin", "eel"]
    assert slots(await page(client, f"{INVENTORY}/wallet")) == ["coin", "axe", "coin", "eel"]
    assert list(await (await client.get(f"{INVENTORY}/capacity")).json()) == ["containers", "weight"]
    refused = await client.get(f"{INVENTORY}/move")
    await problem(refused, 405, "METHOD_NOT_ALLOWED")
    assert refused.headers["Allow"] == "POST"
    assert slots(await page(client, f"{INVENTORY}/items")) == [10_000]
    assert (await client.get(f"{INVENTORY}/items/{letter.item_id}")).status == 200
