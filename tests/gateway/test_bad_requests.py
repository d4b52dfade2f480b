"""Bad requests, a line a case: paths, queries, headers, media types, sizes."""

import pytest
from yarl import URL

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, CHAR_ID, HERB_ID, StandIn

BODY = f'{{"item_id":"{HERB_ID}","to":{{"container":"bag"}}}}'

# method | path | body | status | code | path that the problem names
REQUESTS: list[tuple[str, str, str | None, int, str, str | None]] = [
    ("POST", f"{BASE}/inventory/move?dry_run=yes", BODY, 400, "INVALID_REQUEST", "dry_run"),
    ("POST", f"{BASE}/inventory/move?dry_run=true&dry_run=true", BODY, 400, "INVALID_REQUEST", "dry_run"),
    ("PATCH", f"{BASE}?dry_run=true", "{}", 400, "INVALID_REQUEST", "dry_run"),
    ("POST", f"{BASE}/inventory/move?a&a", BODY, 400, "INVALID_REQUEST", "a"),
    ("POST", f"{BASE}/inventory/move?%FF=%FF", BODY, 400, "INVALID_REQUEST", "\ufffd"),
    ("POST", f"{BASE}/inventory/move?" + "a" * 9000, BODY, 400, "INVALID_REQUEST", "$"),
    ("GET", f"{BASE}/inventory?expand=all", None, 400, "INVALID_REQUEST", "expand"),
    ("GET", f"{BASE}/inventory?expand=items&expand=items", None, 400, "INVALID_REQUEST", "expand"),
    ("GET", f"{BASE}/inventory?Expand=items", None, 400, "INVALID_REQUEST", "Expand"),
    ("GET", f"{BASE}/inventory/wallet?limit=5", None, 400, "INVALID_REQUEST", "limit"),
    ("POST", "/v1/characters/x/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("POST", f"/v1/characters/{CHAR_ID}%00/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("POST", f"/v1/characters/{CHAR_ID}%0A/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("POST", f"/v1/characters/{CHAR_ID}%2F/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("POST", "/v1/characters/%FF/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("POST", "/v1/characters/%ZZ/inventory/move", BODY, 400, "INVALID_REQUEST", "char_id"),
    ("GET", f"/v1/characters/{{{CHAR_ID}}}", None, 400, "INVALID_REQUEST", "char_id"),
    ("GET", "/v1/characters/" + "٠" * 32, None, 400, "INVALID_REQUEST", "char_id"),
    ("GET", "/v1/characters/", None, 404, "NOT_FOUND", None),
    ("GET", "/v1/characters//inventory", None, 404, "NOT_FOUND", None),
    ("GET", f"{BASE}/", None, 404, "NOT_FOUND", None),
    ("GET", f"{BASE}/inventory/", None, 404, "NOT_FOUND", None),
    ("GET", f"{BASE}/inventory%2Fequipment", None, 404, "NOT_FOUND", None),
    ("POST", f"{BASE}/inventory/sort", '{"container":"a b"}', 400, "INVALID_REQUEST", "container"),
    ("POST", f"{BASE}/inventory/lock", BODY, 400, "INVALID_REQUEST", "to"),
    ("POST", f"{BASE}/inventory/unlock", '{"item_id":"@0"}', 400, "INVALID_REQUEST", "item_id"),
    ("POST", f"{BASE}/inventory/use", '{"item_id":"x"}', 400, "INVALID_REQUEST", "item_id"),
    (
        "POST",
        f"{BASE}/inventory/grant",
        '{"template_id":"coin","quantity":1,"item_id":"0198c9c1-7c2d-8e11-a0c4-1f2e3d4c5b6a"}',
        400,
        "INVALID_REQUEST",
        "$",
    ),
    ("POST", f"{BASE}/inventory/Move", BODY, 404, "NOT_FOUND", None),
    ("GET", f"{BASE}/inventory/ledger", None, 404, "NOT_FOUND", None),
    ("GET", f"{BASE}/inventory/event", None, 404, "NOT_FOUND", None),
    ("POST", f"{BASE}/inventory/events", "{}", 405, "METHOD_NOT_ALLOWED", None),
    ("GET", f"{BASE}/inventory/events?from=0", None, 400, "INVALID_REQUEST", "from"),
    ("GET", "/v1/execute", None, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", "/v1/stream", "{}", 405, "METHOD_NOT_ALLOWED", None),
    ("GET", "/v1", None, 404, "NOT_FOUND", None),
    ("GET", "/", None, 404, "NOT_FOUND", None),
    ("GET", "/metric", None, 404, "NOT_FOUND", None),
    ("GET", "/console", None, 404, "NOT_FOUND", None),
    ("PUT", "/v1/catalog", "{}", 415, "UNSUPPORTED_MEDIA_TYPE", None),
    ("DELETE", "/v1/catalog", None, 405, "METHOD_NOT_ALLOWED", None),
    ("DELETE", BASE, '{"ledger":true}', 400, "INVALID_REQUEST", "$"),
    ("DELETE", f"{BASE}?force=true", None, 400, "INVALID_REQUEST", "force"),
    ("PUT", BASE, "{}", 405, "METHOD_NOT_ALLOWED", None),
    ("GET", f"{BASE}/inventory/move", None, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", f"{BASE}/inventory", "{}", 405, "METHOD_NOT_ALLOWED", None),
    ("OPTIONS", f"{BASE}/inventory", None, 405, "METHOD_NOT_ALLOWED", None),
    ("TRACE", f"{BASE}/inventory", None, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", f"{BASE}/session", '{"force":true}', 400, "INVALID_REQUEST", "$"),
    ("POST", f"{BASE}/session?force=1", None, 400, "INVALID_REQUEST", "force"),
    ("DELETE", f"{BASE}/session", "[]", 400, "INVALID_REQUEST", "$"),
    ("POST", f"{BASE}/session/save", "null", 400, "INVALID_REQUEST", "$"),
    ("POST", "/v1/characters", '{"char_id":"x"}', 400, "INVALID_REQUEST", "char_id"),
    ("POST", "/v1/characters", '{"char_id":7}', 400, "INVALID_REQUEST", "char_id"),
    ("POST", "/v1/characters", '{"name":null}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"' + "ä" * 65 + '"}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"a\\u0000"}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"a\\nb"}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"a\\u0085"}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"a\\u2028"}', 400, "INVALID_REQUEST", "name"),
    ("POST", "/v1/characters", '{"name":"\\ud800"}', 400, "INVALID_REQUEST", "$"),
    ("POST", "/v1/characters", '{"name":"\\udc00a"}', 400, "INVALID_REQUEST", "$"),
    ("POST", "/v1/characters", '{"actor":null}', 400, "INVALID_REQUEST", "actor"),
    ("POST", "/v1/characters", '{"actor":{"level":-1}}', 400, "INVALID_REQUEST", "actor.level"),
    ("POST", "/v1/characters", '{"actor":{"level":1e99}}', 400, "INVALID_REQUEST", "actor.level"),
    ("POST", "/v1/characters", '{"actor":{"class":"A"}}', 400, "INVALID_REQUEST", "actor.class"),
    ("POST", "/v1/characters", '{"actor":{"class_":"a"}}', 400, "INVALID_REQUEST", "actor.class_"),
    (
        "POST",
        "/v1/characters",
        '{"actor":{"attributes":{"a b":1}}}',
        400,
        "INVALID_REQUEST",
        "actor.attributes",
    ),
    ("POST", "/v1/characters", '{"actor":{"states":["\\u0000"]}}', 400, "INVALID_REQUEST", "actor.states[0]"),
    ("POST", "/v1/characters?x=1", "{}", 400, "INVALID_REQUEST", "x"),
    ("GET", "/v1/characters?limit=0", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=501", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=1_0", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=٣", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=-1", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?limit=1&limit=2", None, 400, "INVALID_REQUEST", "limit"),
    ("GET", "/v1/characters?cursor=abc", None, 400, "INVALID_REQUEST", "cursor"),
    ("GET", "/v1/characters?name=a%00", None, 400, "INVALID_REQUEST", "name"),
    ("GET", "/v1/characters?name=" + "a" * 65, None, 400, "INVALID_REQUEST", "name"),
    ("PATCH", BASE, '{"level":"5"}', 400, "INVALID_REQUEST", "level"),
    ("PATCH", BASE, '{"name":"x"}', 400, "INVALID_REQUEST", "name"),
    ("PATCH", BASE, '{"attributes":{"strength":1.5}}', 400, "INVALID_REQUEST", "attributes[...]"),
    ("PATCH", BASE, '{"states":{"add":"dead"}}', 400, "INVALID_REQUEST", "states.add"),
    ("GET", "/v1/items/Sword", None, 400, "INVALID_REQUEST", "template_id"),
    ("GET", "/v1/items/a%00", None, 400, "INVALID_REQUEST", "template_id"),
    ("GET", "/v1/items/nothing", None, 404, "UNKNOWN_TEMPLATE", None),
    ("GET", "/v1/items/", None, 404, "NOT_FOUND", None),
    ("GET", "/v1/items?kind=Weapon", None, 400, "INVALID_REQUEST", "kind"),
    ("GET", "/v1/items?kind=spaceship", None, 400, "INVALID_REQUEST", "kind"),
    ("GET", "/v1/items?cursor=%00", None, 400, "INVALID_REQUEST", "cursor"),
    ("GET", "/v1/catalog?full=1", None, 400, "INVALID_REQUEST", "full"),
    ("GET", "/healthz?x", None, 400, "INVALID_REQUEST", "x"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "named"), REQUESTS, ids=range(len(REQUESTS))
)
async def test_a_bad_request(
    client: Client,
    standin: StandIn,
    method: str,
    path: str,
    body: str | None,
    status: int,
    code: str,
    named: str | None,
) -> None:
    headers = {} if body is None else {"Content-Type": "application/json"}
    url = URL(path, encoded=path.isascii())
    response = await client.request(method, url, data=body, headers=headers)
    document = await problem(response, status, code)
    if named is not None:
        assert document["params"] == {"path": named}, document["detail"]
    if status == 405:
        assert response.headers["Allow"] == document["params"]["allow"] != ""
    assert not (standin.executed or standin.loaded or standin.saved or standin.created)


# header | value
HEADERS: list[tuple[str, str]] = [
    ("Idempotency-Key", ""),
    ("Idempotency-Key", "a" * 129),
    ("Idempotency-Key", "schlüssel"),
    ("Idempotency-Key", "a\tb"),
    ("If-Match", ""),
    ("If-Match", "seven"),
    ("If-Match", '"1.7'),
    ("If-Match", '"1.7", "1.8"'),
    ("If-Match", 'W/"1.7"'),
    ("If-Match", '"1.-7"'),
    ("If-Match", '"٣.٣"'),
    ("If-Match", f'"1.{"9" * 400}"'),
    ("Inventory-Durability", ""),
    ("Inventory-Durability", "Durable"),
    ("Inventory-Durability", "fsync"),
    ("X-Request-Id", ""),
    ("X-Request-Id", "a" * 129),
    ("X-Request-Id", "ä"),
]


@pytest.mark.parametrize(("name", "value"), HEADERS)
async def test_a_bad_header(client: Client, standin: StandIn, name: str, value: str) -> None:
    response = await client.post(
        f"{BASE}/inventory/move", data=BODY, headers={"Content-Type": "application/json", name: value}
    )
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": name}
    assert standin.executed == []


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Inventory-Durability", "X-Request-Id"])
async def test_a_header_twice(client: Client, standin: StandIn, name: str) -> None:
    headers = [("Content-Type", "application/json"), (name, "memory"), (name, "memory")]
    response = await client.post(f"{BASE}/inventory/move", data=BODY, headers=headers)
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": name}


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Inventory-Durability"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/characters"),
        ("GET", BASE),
        ("POST", f"{BASE}/session"),
        ("DELETE", f"{BASE}/session"),
        ("GET", f"{BASE}/inventory"),
        ("GET", "/v1/items"),
        ("GET", "/healthz"),
    ],
)
async def test_a_promise_that_nothing_would_keep(
    client: Client, standin: StandIn, method: str, path: str, name: str
) -> None:
    response = await client.request(method, path, headers={name: "memory"})
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": name}


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/problem+json",
        "application/jsonx",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "json",
        "",
        "application/msgpack",
    ],
)
async def test_a_body_that_is_not_said_to_be_json(client: Client, standin: StandIn, media_type: str) -> None:
    response = await client.post(
        f"{BASE}/inventory/move", data=BODY.encode(), headers={"Content-Type": media_type}
    )
    await problem(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert standin.executed == []


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
    ],
)
async def test_a_body_that_is_said_to_be_json(client: Client, media_type: str) -> None:
    response = await client.post(
        f"{BASE}/inventory/move", data=BODY.encode(), headers={"Content-Type": media_type}
    )
    assert response.status == 200


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 400), (256 * 1024 + 1, 413), (10_000_000, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large(
    client: Client, standin: StandIn, size: int, status: int, chunked: bool
) -> None:
    async def chunks() -> object:
        for begin in range(0, size, 50_000):
            yield b" " * min(50_000, size - begin)

    data = chunks() if chunked else b" " * size
    response = await client.post(
        f"{BASE}/inventory/execute", data=data, headers={"Content-Type": "application/json"}
    )
    await problem(response, status, "INVALID_REQUEST" if status == 400 else "BODY_TOO_LARGE")
    assert standin.executed == []
