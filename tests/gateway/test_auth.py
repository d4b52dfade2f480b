"""Who may."""

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, HERB_ID, TOKEN, StandIn

DROP = {"item_id": HERB_ID}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer{TOKEN}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f'Bearer "{TOKEN}"',
        "Bearer ä",
        f"Token {TOKEN}",
        "Bearer " + "x" * 5000,
    ],
)
async def test_a_wrong_token(stranger: Client, standin: StandIn, value: str) -> None:
    response = await stranger.post(f"{BASE}/inventory/drop", json=DROP, headers={"Authorization": value})
    await problem(response, 401, "UNAUTHENTICATED")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="haversack", error="invalid_token"'
    assert standin.executed == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/characters"),
        ("GET", "/v1/characters"),
        ("GET", BASE),
        ("PATCH", BASE),
        ("POST", f"{BASE}/session"),
        ("DELETE", f"{BASE}/session"),
        ("POST", f"{BASE}/session/save"),
        ("GET", f"{BASE}/inventory"),
        ("POST", f"{BASE}/inventory/move"),
        ("POST", f"{BASE}/inventory/execute"),
        ("GET", "/v1/items"),
        ("GET", "/v1/items/sword"),
        ("GET", "/v1/catalog"),
        ("GET", "/%761/catalog"),
        ("GET", "/v1/%63atalog"),
        # Nor does a stranger learn which paths there are.
        ("GET", "/v1/nothing"),
        ("GET", "/v1"),
        ("PUT", "/v1/catalog"),
        ("OPTIONS", BASE),
    ],
)
async def test_no_token(stranger: Client, method: str, path: str) -> None:
    response = await stranger.request(method, path)
    await problem(response, 401, "UNAUTHENTICATED")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="haversack"'


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}"])
async def test_the_token(stranger: Client, value: str) -> None:
    response = await stranger.get("/v1/catalog", headers={"Authorization": value})
    assert response.status == 200


async def test_of_two_tokens_none_counts(stranger: Client) -> None:
    """Something in front may have looked at either of them."""
    wrong, right = ("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")
    for headers in ([wrong, right], [right, wrong], [right, right]):
        response = await stranger.get("/v1/catalog", headers=headers)
        document = await problem(response, 400, "INVALID_REQUEST")
        assert document["params"] == {"path": "Authorization"}


async def test_a_token_in_the_query_is_none(stranger: Client) -> None:
    await problem(await stranger.get(f"/v1/catalog?access_token={TOKEN}"), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/v1/catalog"])
async def test_no_other_origin_is_let_in(client: Client, path: str) -> None:
    """A browser shows a page of another origin nothing, and does not even ask with a token."""
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    for response in (await client.get(path, headers=asked), await client.options(path, headers=asked)):
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_open_to_all(stranger: Client, path: str) -> None:
    assert (await stranger.get(path)).status == 200


@pytest.mark.parametrize("path", ["/", "/v2", "/console", "/healthz/"])
async def test_nothing_there_is_told_to_all(stranger: Client, path: str) -> None:
    await problem(await stranger.get(path), 404, "NOT_FOUND")
