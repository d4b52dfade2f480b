"""Each scope against each operation, each command and each spelling: all that there are, by the table.

Operations that are added later are in it by themselves.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from engine.commands import Command
from gateway.http.operation import SCOPE_OF_COMMAND, Operation, Scope
from gateway.operations.table import OPERATIONS, container_pages
from tests.gateway.conftest import Client
from tests.gateway.expect import check, problem
from tests.gateway.standin import ABSENT_ID, CHAR_ID, SWORD_ID, TOKEN, GatewayTestServer, StandIn, server
from tests.gateway.streaming import JSON, MSGPACK, connect
from tests.gateway.tokens import SECRET, bearer, entry, player, write

ALL = tuple(Scope)
# What a character's token may ask for beside the read and play operations of its own character.
SHARED = {"read_catalog", "find_templates", "read_template", "execute_many", "stream"}
# And what of these it may not.
GAMES_OWN = {"save_session", "evict_session"}
PLAYER = {Scope.READ, Scope.PLAY}
PARTS = {"item_id": SWORD_ID, "template_id": "sword"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "equip": {"item_id": SWORD_ID},
    "unequip": {"item_id": SWORD_ID},
    "move": {"item_id": SWORD_ID, "to": {"container": "bag"}},
    "use": {"item_id": SWORD_ID},
    "drop": {"item_id": SWORD_ID},
    "lock": {"item_id": SWORD_ID},
    "unlock": {"item_id": SWORD_ID},
    "sort": {"container": "bag"},
    "grant": {"template_id": "coin", "quantity": 1},
    "consume": {"template_id": "coin", "quantity": 1},
    "set_actor": {"level": 6},
}


def op_of(command: type[Command]) -> str:
    return str(command.__struct_config__.tag)


SCOPES = {op_of(command): scope for command, scope in SCOPE_OF_COMMAND.items()}


def all_operations() -> list[Operation]:
    return [*OPERATIONS.values(), *container_pages(StandIn().ruleset).values()]


def path_of(operation: Operation, char_id: str = CHAR_ID) -> str:
    path = operation.path.replace("{char_id}", char_id)
    for part, value in PARTS.items():
        path = path.replace(f"{{{part}}}", value)
    # Whatever else varies: what is there is not asked here.
    return path.replace("{", "").replace("}", "")


@pytest.fixture
async def gate(standin: StandIn, tmp_path: Path) -> AsyncIterator[GatewayTestServer]:
    """A gateway with a token for each set of scopes, named as them, and with characters' tokens."""
    entries = [entry("-".join(scopes), token_of(*scopes), *scopes) for scopes in sets()]
    tokens = write(tmp_path / "tokens.toml", *entries)
    gateway = server(standin, tokens=tokens, player_key=SECRET, rate_player=None)
    await gateway.start_server()
    yield gateway
    await gateway.close()


@pytest.fixture
async def http(gate: GatewayTestServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(gate.make_url("/")) as session:
        yield session


def sets() -> Iterator[tuple[Scope, ...]]:
    """Each alone, and each left out."""
    yield from ((scope,) for scope in ALL)
    yield from (tuple(other for other in ALL if other is not scope) for scope in ALL)
    yield (Scope.PLAY, Scope.GRANT)


def token_of(*scopes: Scope) -> str:
    return "token-" + "-".join(scopes)


async def status_and_code(
    http: aiohttp.ClientSession, operation: Operation, headers: dict[str, str], char_id: str = CHAR_ID
) -> tuple[int, dict[str, Any]]:
    """Without a body: who is let in is told what is wrong with it, or is answered."""
    async with http.request(operation.method, path_of(operation, char_id), headers=headers) as reply:
        if reply.status in (401, 403):
            return reply.status, await problem(
                reply, reply.status, "UNAUTHENTICATED" if reply.status == 401 else "ACCESS_DENIED"
            )
        return reply.status, {}


@pytest.mark.parametrize("operation", all_operations(), ids=lambda one: one.name)
async def test_each_operation_takes_its_scope_and_no_other(
    http: aiohttp.ClientSession, operation: Operation
) -> None:
    """401 without a token and with a wrong one, 403 without the scope, and anything else with it."""
    is_open = operation.scope is None
    for headers in ({}, bearer("wrong"), bearer(TOKEN[:-1])):
        status, _ = await status_and_code(http, operation, headers)
        assert (status == 401) is not is_open and status != 403
    assert (await status_and_code(http, operation, bearer(TOKEN)))[0] not in (401, 403)
    for scopes in sets():
        status, document = await status_and_code(http, operation, bearer(token_of(*scopes)))
        if is_open or operation.scope in scopes:
            assert status not in (401, 403), scopes
        else:
            assert (status, document["params"]) == (403, {"scope": operation.scope}), scopes


@pytest.mark.parametrize("operation", all_operations(), ids=lambda one: one.name)
async def test_a_characters_token_is_good_for_its_character_alone(
    http: aiohttp.ClientSession, standin: StandIn, operation: Operation
) -> None:
    is_open = operation.scope is None
    may = is_open or (
        operation.scope in PLAYER
        and (operation.of_character or operation.name in SHARED)
        and operation.name not in GAMES_OWN
    )
    own, others = bearer(player(CHAR_ID)), bearer(player(ABSENT_ID))
    status, _ = await status_and_code(http, operation, own)
    assert status != 401 and (status == 403) is not may
    for scope in PLAYER:
        status, _ = await status_and_code(http, operation, bearer(player(CHAR_ID, scope=scope)))
        assert (status == 403) is not (may and (is_open or operation.scope == scope))
    if operation.of_character:
        before = (list(standin.executed), list(standin.loaded), list(standin.saved))
        for spelling in (CHAR_ID, CHAR_ID.upper(), CHAR_ID.replace("-", ""), CHAR_ID.replace("0f", "%30f")):
            status, _ = await status_and_code(http, operation, others, spelling)
            assert status == (403 if not is_open else status), spelling
        assert (standin.executed, standin.loaded, standin.saved) == before


async def test_its_own_character_in_every_spelling(http: aiohttp.ClientSession) -> None:
    token = player(CHAR_ID.upper())
    for spelling in (CHAR_ID, CHAR_ID.upper(), CHAR_ID.replace("-", "")):
        async with http.get(f"/v1/characters/{spelling}", headers=bearer(token)) as reply:
            assert reply.status == 200


def test_every_command_has_a_scope() -> None:
    assert set(SCOPE_OF_COMMAND) == set(get_args(Command)), "and tests have an example of each"
    assert set(EXAMPLES) == set(SCOPES)
    assert {name: OPERATIONS[name].scope for name in SCOPES if name in OPERATIONS} == {
        name: scope for name, scope in SCOPES.items() if name in OPERATIONS
    }
    assert OPERATIONS["change_character"].scope is SCOPES["set_actor"]


@pytest.mark.parametrize("op", EXAMPLES)
async def test_commands_of_a_batch_are_judged_one_by_one(
    http: aiohttp.ClientSession, standin: StandIn, op: str
) -> None:
    command = {"op": op, **EXAMPLES[op]}
    body = {"commands": [{"op": "lock", "item_id": SWORD_ID}, command]}
    path = f"/v1/characters/{CHAR_ID}/inventory/execute"
    for headers in (bearer(token_of(Scope.PLAY)), bearer(player())):
        async with http.post(path, json=body, headers=headers) as reply:
            if SCOPES[op] is Scope.PLAY:
                assert reply.status == 200
            else:
                document = await problem(reply, 403, "ACCESS_DENIED")
                assert document["params"] == {"scope": SCOPES[op]} and document["op_index"] == 1
    assert len(standin.executed) == (2 if SCOPES[op] is Scope.PLAY else 0), "all or nothing"
    async with http.post(path, json=body, headers=bearer(token_of(Scope.PLAY, Scope.GRANT))) as reply:
        assert reply.status == 200


async def test_who_calls_is_told_below(http: aiohttp.ClientSession, standin: StandIn) -> None:
    """And with it the ledger: the token's name, be there conditions or not."""
    for token in (TOKEN, token_of(Scope.PLAY), player()):
        for headers in ({}, {"X-Request-Id": "r"}):
            path = f"/v1/characters/{CHAR_ID}/inventory/lock"
            async with http.post(path, json={"item_id": SWORD_ID}, headers=bearer(token) | headers) as reply:
                assert reply.status == 200
    names = [call.by for _, _, call in standin.executed]
    assert names == [name for name in ("service", "play", f"player:{CHAR_ID}") for _ in range(2)]


def mixed() -> list[dict[str, Any]]:
    """Requests of two characters, of which some make things."""
    return [
        {"char_id": char_id, "commands": [{"op": op, **EXAMPLES[op]} for op in ops]}
        for char_id in (CHAR_ID, ABSENT_ID)
        for ops in (["lock"], ["lock", "grant"], ["consume"], ["sort", "drop"])
    ]


def allowed(scopes: set[Scope], only: str | None) -> list[bool]:
    return [
        only in (None, request["char_id"]) and all(SCOPES[one["op"]] in scopes for one in request["commands"])
        for request in mixed()
    ]


CALLERS = [
    pytest.param(TOKEN, set(ALL), None, id="service"),
    pytest.param(token_of(Scope.PLAY), {Scope.PLAY}, None, id="play"),
    pytest.param(token_of(Scope.PLAY, Scope.GRANT), {Scope.PLAY, Scope.GRANT}, None, id="play and grant"),
    pytest.param(None, PLAYER, CHAR_ID, id="its character"),
    pytest.param(None, PLAYER, "9" * 8 + CHAR_ID[8:], id="another character"),
]


def check_answers(answers: list[dict[str, Any]], scopes: set[Scope], only: str | None) -> None:
    for answer, request, may in zip(answers, mixed(), allowed(scopes, only), strict=True):
        answer.pop("id", None)
        if may:
            assert "seq" in answer
            continue
        check(answer, 403, "ACCESS_DENIED")
        if only not in (None, request["char_id"]):
            assert answer["params"] == {"char_id": request["char_id"]} and answer["op_index"] is None
        else:
            index = next(i for i, one in enumerate(request["commands"]) if SCOPES[one["op"]] is Scope.GRANT)
            assert answer["params"] == {"scope": "grant"} and answer["op_index"] == index


@pytest.mark.parametrize(("token", "scopes", "only"), CALLERS)
async def test_bulk_requests_are_judged_one_by_one(
    http: aiohttp.ClientSession, standin: StandIn, token: str | None, scopes: set[Scope], only: str | None
) -> None:
    headers = bearer(token or player(only or ""))
    async with http.post("/v1/execute", json={"requests": mixed()}, headers=headers) as reply:
        assert reply.status == 200
        check_answers(json.loads(await reply.read())["replies"], scopes, only)
    assert len(standin.executed) == sum(allowed(scopes, only))


@pytest.mark.parametrize("language", [JSON, MSGPACK])
@pytest.mark.parametrize(("token", "scopes", "only"), CALLERS)
async def test_requests_of_a_stream_are_judged_one_by_one(
    http: aiohttp.ClientSession,
    standin: StandIn,
    language: str,
    token: str | None,
    scopes: set[Scope],
    only: str | None,
) -> None:
    stream = await connect(http, language, headers=bearer(token or player(only or "")))
    requests = [{"id": number, **request} for number, request in enumerate(mixed())]
    await stream.send(requests[:4])
    for request in requests[4:]:
        await stream.send(request)
    answers = await stream.answers(len(requests))
    check_answers(sorted(answers, key=lambda answer: answer["id"]), scopes, only)
    assert len(standin.executed) == sum(allowed(scopes, only))


async def test_reasons_of_readiness_are_for_operators(http: aiohttp.ClientSession, standin: StandIn) -> None:
    standin.checks = {"redis": "ok", "postgresql": "10.0.0.7 refused"}
    for token, told in ((token_of(Scope.OPERATE), True), (token_of(Scope.READ), False), (player(), False)):
        async with http.get("/readyz", headers=bearer(token)) as reply:
            document = await problem(reply, 503, "UNAVAILABLE")
            assert ("10.0.0.7" in str(document)) is told


async def test_the_challenge_names_the_scope(client: Client, http: aiohttp.ClientSession) -> None:
    """RFC 6750, 3.1."""
    async with http.get("/v1/catalog", headers=bearer(token_of(Scope.PLAY))) as reply:
        assert reply.headers["WWW-Authenticate"] == (
            'Bearer realm="haversack", error="insufficient_scope", scope="read"'
        )
    async with http.get(f"/v1/characters/{ABSENT_ID}", headers=bearer(player())) as reply:
        assert "WWW-Authenticate" not in reply.headers
