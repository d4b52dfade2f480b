"""Characters: made, found, changed."""

from uuid import UUID

import pytest

from engine.commands import SetActorRequest, StateChange
from engine.refusals import Refusal, RefusalCode
from engine.state import Actor
from persistence.errors import InvalidWords, Unavailable
from persistence.records import Call, Character
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, StandIn

ADA = {
    "char_id": CHAR_ID,
    "name": "Ada",
    "live": False,
    "seq": 7,
    "durable_seq": 7,
    "actor": {"level": 5, "class": "warrior", "attributes": {}, "states": []},
    "created_at": 1_700_000_000_000,
}


async def test_made_with_everything(client: Client, standin: StandIn) -> None:
    response = await client.post(
        "/v1/characters",
        json={
            "char_id": ABSENT_ID.replace("-", "").upper(),
            "name": "Zoë 🗡 \u202eO'Neil",
            "actor": {
                "level": 3,
                "class": "mage",
                "attributes": {"strength": -4},
                "states": ["dead", "dead"],
            },
        },
    )
    assert response.status == 201
    assert response.headers["Location"] == f"/v1/characters/{ABSENT_ID}"
    assert (await response.json())["char_id"] == ABSENT_ID
    actor = Actor(3, "mage", {"strength": -4}, ("dead",))
    assert standin.created == [(ABSENT_ID, "Zoë 🗡 \u202eO'Neil", actor)]


@pytest.mark.parametrize("nil", ["00000000-0000-0000-0000-000000000000", "0" * 32])
async def test_nobody_is_the_nil_uuid(client: Client, standin: StandIn, nil: str) -> None:
    """Whoever goes through all characters begins after it."""
    response = await client.post("/v1/characters", json={"char_id": nil})
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"]["path"] == "char_id"
    assert standin.created == []


async def test_made_with_nothing(client: Client, standin: StandIn) -> None:
    response = await client.post("/v1/characters", json={})
    assert response.status == 201
    assert standin.created == [(None, "", Actor())]


async def test_made_twice(client: Client) -> None:
    response = await client.post("/v1/characters", json={"char_id": CHAR_ID})
    document = await problem(response, 409, "ALREADY_EXISTS")
    assert document["params"] == {"char_id": CHAR_ID}


async def test_made_with_words_that_the_ruleset_does_not_know(client: Client, standin: StandIn) -> None:
    standin.answer = InvalidWords(["class: pilot", "attributes: luck"])
    response = await client.post("/v1/characters", json={"actor": {"class": "pilot"}})
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "actor.class", "word": "pilot"}
    assert document["detail"] == "The ruleset does not know actor.class: pilot, actor.attributes: luck."
    assert [violation["params"]["path"] for violation in document["violations"]] == [
        "actor.class",
        "actor.attributes",
    ]


async def test_read(client: Client) -> None:
    response = await client.get(BASE)
    assert (response.status, await response.json()) == (200, ADA)
    await problem(await client.get(f"/v1/characters/{ABSENT_ID}"), 404, "CHARACTER_NOT_FOUND")


async def test_found_page_by_page(client: Client, standin: StandIn) -> None:
    standin.present = [standin.head(str(UUID(int=n)), f"N{n}") for n in range(1, 6)]
    found, cursor, pages = [], "", 0
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = await (await client.get(f"/v1/characters?limit=2&name=n{after}")).json()
        assert set(page) == {"characters", "cursor"}
        found += [character["name"] for character in page["characters"]]
        cursor = page["cursor"]
        pages += 1
    assert (found, pages) == (["N1", "N2", "N3", "N4", "N5"], 3)
    assert standin.asked[1] == ("n", str(UUID(int=2)), 3)


async def test_nobody_found(client: Client, standin: StandIn) -> None:
    standin.present = []
    assert await (await client.get("/v1/characters")).json() == {"characters": [], "cursor": None}
    assert standin.asked == [(None, None, 101)]


async def test_a_changed_actor(client: Client, standin: StandIn) -> None:
    body = {"level": 9, "class": "", "attributes": {"strength": 3}, "states": {"add": ["dead"]}}
    response = await client.patch(BASE, json=body, headers={"Idempotency-Key": "k"})
    assert (response.status, await response.json()) == (200, ADA)
    command = SetActorRequest(9, "", {"strength": 3}, StateChange(("dead",)))
    assert standin.executed == [(CHAR_ID, (command,), Call("service", op_id="k"))]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (Refusal(RefusalCode.CAPACITY_IN_USE, {"limit": 5}), 422, "CAPACITY_IN_USE"),
        (InvalidWords(["class: pilot"]), 400, "INVALID_REQUEST"),
    ],
)
async def test_an_actor_that_cannot_be(
    client: Client, standin: StandIn, answer: Refusal | Exception, status: int, code: str
) -> None:
    standin.answer = answer
    await problem(await client.patch(BASE, json={"level": 9}), status, code)


async def test_a_changed_actor_that_cannot_be_read_back(
    client: Client, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told that nothing was done would do it again under another key."""

    async def away(_: str) -> Character:
        raise Unavailable("PostgreSQL is away")

    monkeypatch.setattr(standin, "character", away)
    await problem(await client.patch(BASE, json={"level": 9}), 503, "OUTCOME_UNKNOWN")
    assert len(standin.executed) == 1
    await problem(await client.get(BASE), 503, "UNAVAILABLE")
