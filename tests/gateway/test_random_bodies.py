"""Whatever bytes come in, what comes out is a problem of the caller's."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, CHAR_ID, HERB_ID

NAMES = ("equip", "unequip", "move", "grant", "consume", "drop", "execute")
KEYS = st.sampled_from(
    (
        "op",
        "item_id",
        "to",
        "container",
        "slot",
        "quantity",
        "template_id",
        "commands",
        "bound",
        "level",
    )
) | st.text(max_size=5)
NUMBERS = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
LEAVES = st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(("bag", "move", HERB_ID, "@0"))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=10)
SEGMENTS = TEXT | st.sampled_from(
    (
        "characters",
        CHAR_ID,
        "inventory",
        "session",
        "save",
        "items",
        "catalog",
        "move",
        "..",
        ".",
        "",
    )
)
quickly = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def refused_or_done(client: Client, name: str, body: bytes) -> None:
    response = await client.post(
        f"{BASE}/inventory/{name}", data=body, headers={"Content-Type": "application/json"}
    )
    # A guess may happen to be a command.
    if response.status != 200:
        await problem(response, 400, "INVALID_REQUEST")


@quickly
@given(name=st.sampled_from(NAMES), body=st.binary(max_size=300))
async def test_random_bytes(client: Client, name: str, body: bytes) -> None:
    await refused_or_done(client, name, body)


@quickly
@given(name=st.sampled_from(NAMES), value=VALUES)
async def test_random_json(client: Client, name: str, value: Any) -> None:
    await refused_or_done(client, name, json.dumps(value).encode())


@quickly
@given(name=st.sampled_from(NAMES), at=st.integers(0, 90), byte=st.integers(0, 255))
async def test_a_command_with_one_wrong_byte(client: Client, name: str, at: int, byte: int) -> None:
    body = bytearray(f'{{"item_id":"{HERB_ID}","to":{{"container":"bag","slot":3}},"quantity":12}}'.encode())
    body[at % len(body)] = byte
    await refused_or_done(client, name, bytes(body))


@quickly
@given(
    method=st.sampled_from(("GET", "POST", "DELETE", "PATCH")),
    segments=st.lists(SEGMENTS, max_size=4),
    query=st.dictionaries(TEXT, TEXT, max_size=2),
)
async def test_random_paths(client: Client, method: str, segments: list[str], query: dict[str, str]) -> None:
    path = "/v1/" + "/".join(quote(segment, safe="") for segment in segments)
    url = URL(path, encoded=True).update_query(query)
    response = await client.request(method, url)
    if response.status >= 300:
        await problem(response, response.status, (await response.json(content_type=None))["code"])
    assert response.status in (200, 201, 400, 404, 405, 415)
