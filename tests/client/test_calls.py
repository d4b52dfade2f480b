"""Every call of the client against a served process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID, uuid4

import msgspec
import pytest

from haversack_client import (
    AlreadyExists,
    CharacterHandle,
    CharacterNotFound,
    Consume,
    Destination,
    Equip,
    Grant,
    Haversack,
    IdempotencyMismatch,
    InvalidRequest,
    Item,
    NotFound,
    NotReached,
    Place,
    RefusalCode,
    Refused,
    StateChange,
    TagMismatch,
    Unauthenticated,
)
from haversack_client.caller import decoder_of
from haversack_client.transport import Transport
from haversack_client.transport_errors import Answer
from tests.client.coins import COIN, coins_of, keys_of
from tests.serving import TOKEN, Serving


async def one(hero: CharacterHandle, template_id: str, quantity: int = 1) -> Item:
    """The item that a grant has made."""
    (item,) = (await hero.grant(template_id, quantity)).changes.changed
    return item


@pytest.fixture(autouse=True)
async def nothing_left_aside(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Whatever the service says in these tests, the client's types have it all."""
    bodies: list[bytes] = []
    exchange = Transport.exchange

    async def noting(self: Transport, method: str, path: str, **rest: object) -> Answer:
        answer = await exchange(self, method, path, **rest)  # type: ignore[arg-type]
        bodies.append(answer.body)
        return answer

    taken: list[tuple[object, object]] = []
    original = decoder_of

    class Noting:
        def __init__(self, kind: object) -> None:
            self._decoder = original(kind)

        def decode(self, body: bytes) -> object:
            value = self._decoder.decode(body)
            taken.append((msgspec.json.decode(body), msgspec.to_builtins(value)))
            return value

    for module in ("caller", "character", "character_reads", "creation"):
        monkeypatch.setattr(f"haversack_client.{module}.decoder_of", Noting)
    monkeypatch.setattr(Transport, "exchange", noting)
    yield
    for said, kept in taken:
        assert missing(said, kept) == []
    assert len(taken) <= len(bodies)


def missing(said: object, kept: object, path: str = "$") -> list[str]:
    """Paths to what is in the answer and not in what was made of it."""
    if isinstance(said, dict) and isinstance(kept, dict):
        return [
            found
            for name, value in said.items()
            for found in (
                missing(value, kept[name], f"{path}.{name}") if name in kept else [f"{path}.{name}"]
            )
        ]
    if isinstance(said, list) and isinstance(kept, list | tuple) and len(said) == len(kept):
        return [
            found
            for index, (value, other) in enumerate(zip(said, kept, strict=True))
            for found in missing(value, other, f"{path}[{index}]")
        ]
    return [] if said == kept else [path]


async def test_every_command(hero: CharacterHandle) -> None:
    sword = await one(hero, "iron_sword")
    assert sword.place == Place("bag", 0)
    reply = await hero.equip(sword.item_id, "main_hand")
    assert reply.changes.changed[0].place == Place("equipment", "main_hand")
    reply = await hero.unequip(sword.item_id, Destination("bag", 4))
    assert reply.changes.changed[0].place == Place("bag", 4)
    bread = await one(hero, "brown_bread", 6)
    reply = await hero.move(bread.item_id, Destination("bag", 7), 2)
    assert [item.quantity for item in reply.changes.changed] == [4, 2]
    reply = await hero.use(bread.item_id)
    assert reply.effect is not None and reply.effect.template_id == "brown_bread"
    assert (await hero.consume(1, item_id=bread.item_id)).changes.changed[0].quantity == 2
    assert (await hero.consume(1, template_id="brown_bread")).seq == 8
    await hero.drop(bread.item_id, 1)
    assert (await hero.lock(sword.item_id)).changes.changed[0].locked
    assert not (await hero.unlock(sword.item_id)).changes.changed[0].locked
    reply = await hero.sort("bag")
    assert {item.place.slot for item in reply.changes.changed} <= {0, 1, 2}
    reply = await hero.grant("sealed_letter", 3, partial=True)
    assert reply.not_placed == 2
    own = uuid4().hex
    reply = await hero.grant("leather_cap", 1, container="bag", bound=True, item_id=own)
    assert (reply.changes.changed[0].item_id, reply.changes.changed[0].bound) == (own, True)
    reply = await hero.grant("leather_cap", 30, overflow=True)
    assert "overflow" in {item.place.container for item in reply.changes.changed}
    with pytest.raises(ValueError, match="exactly one"):
        await hero.consume(1)


async def test_several_commands_are_all_or_nothing(hero: CharacterHandle) -> None:
    reply = await hero.execute(
        [Grant("rope_belt", 1), Equip("@0"), Grant("brown_bread", 2), Grant("sealed_letter", 2, partial=True)]
    )
    assert [item.template_id for item in reply.changes.changed] == [
        "rope_belt",
        "brown_bread",
        "sealed_letter",
    ]
    with pytest.raises(Refused) as refused:
        await hero.execute([COIN, Consume(9, template_id="brown_bread")])
    assert (refused.value.code, refused.value.op_index) == (RefusalCode.INSUFFICIENT_ITEMS, 1)
    assert refused.value.status == 422 and "INSUFFICIENT_ITEMS" in str(refused.value)
    assert await coins_of(hero) == 0


async def test_a_preview_changes_nothing_and_tells_all(hero: CharacterHandle) -> None:
    plan = await hero.preview([Grant("sealed_letter", 2, partial=True)])
    assert plan.not_placed == 1 and len(plan.changes.changed) == 1
    axe = await one(hero, "steel_longsword")
    with pytest.raises(Refused) as refused:
        await hero.preview([Equip(axe.item_id, "feet")])
    assert [violation.code for violation in refused.value.violations] == ["WRONG_SLOT", "LEVEL_TOO_LOW"]
    assert (await hero.inventory()).seq == 1


async def test_sessions_and_characters(client: Haversack) -> None:
    own = uuid4()
    created = await client.create_character(
        char_id=own, name="Gudrun", level=2, class_="mage", attributes={"wisdom": 9}, states=["in_combat"]
    )
    assert created.char_id == str(own)
    assert created.actor.class_ == "mage" and created.actor.states == ("in_combat",)
    hero = client.character(str(own).upper().replace("-", ""))
    assert hero.char_id == str(own) and str(own) in repr(hero)
    assert (await hero.load()).live
    await hero.grant("gold_coin", 5)
    saved = await hero.save()
    assert saved.durable_seq == saved.seq == 1
    assert not (await hero.evict()).live
    calm = StateChange(remove=("in_combat",))
    changed = await hero.change(level=7, attributes={"strength": 3}, states=calm)
    assert changed.actor.attributes == {"wisdom": 9, "strength": 3} and changed.actor.states == ()
    assert (await hero.read()).actor.level == 7
    with pytest.raises(AlreadyExists):
        await client.create_character(char_id=own)
    found = [character.name async for character in client.characters(name="gud")]
    assert found == ["Gudrun"]
    page = await client.character_page(limit=1)
    assert len(page.characters) == 1
    assert (await client.character_page(limit=1, cursor=page.cursor)).characters != page.characters


async def test_reads(hero: CharacterHandle) -> None:
    sword = await one(hero, "iron_sword")
    await hero.equip(sword.item_id)
    await hero.grant("gold_coin", 3)
    loaf = await one(hero, "brown_bread", 2)
    whole = await hero.inventory()
    assert whole.char_id == hero.char_id and len(whole.items) == 3
    assert {item.data for item in whole.items} == {None}
    expanded = await hero.inventory(expand=True)
    assert all(item.data is not None and "name" in item.data for item in expanded.items)
    assert await hero.inventory_unless(whole.tag) is None
    await hero.lock(loaf.item_id)
    newer = await hero.inventory_unless(whole.tag)
    assert newer is not None and newer.seq == 5
    worn = (await hero.equipment()).slots
    assert worn["main_hand"] is not None and worn["head"] is None
    assert [item.template_id for item in (await hero.wallet()).items] == ["gold_coin"]
    assert (await hero.capacity()).containers["wallet"].total is None
    assert (await hero.stats()).stats == {"attack": 9}
    detail = await hero.item(UUID(sword.item_id).__str__().upper())
    assert (detail.slot, detail.worn, detail.facts.kind) == ("main_hand", (), "weapon")
    with pytest.raises(NotFound):
        await hero.item(uuid4().hex)


async def test_pages_and_ledger(hero: CharacterHandle) -> None:
    for template_id in ("leather_cap", "brown_bread", "iron_sword"):
        await hero.grant(template_id, request_id=f"for {template_id}")
    page = await hero.page("bag", sort="-name", limit=2)
    assert [item.data and item.data["name"] for item in page.items] == ["Leather Cap", "Iron Sword"]
    (last,) = (await hero.page("bag", sort="-name", limit=2, cursor=page.cursor)).items
    assert last.template_id == "brown_bread"
    assert [item.template_id async for item in hero.items("bag", section="weapon")] == ["iron_sword"]
    assert (await hero.page("bag", category="food")).total == 1
    entries = [entry async for entry in hero.journal(1)]
    assert [entry.request_id for entry in entries] == ["for brown_bread", "for iron_sword"]
    assert entries[0].commands == ({"op": "grant", "template_id": "brown_bread", "quantity": 1},)
    assert (await hero.journal_page(limit=1)).cursor == "1"


async def test_the_catalog(client: Haversack) -> None:
    catalog = await client.catalog()
    templates = [template async for template in client.templates()]
    assert catalog.count == len(templates) and catalog.version == 1
    sword = await client.template("steel_longsword")
    assert sword.facts.requires.level == 8 and sword.facts.bind == "equip"
    assert sword in templates
    kinds = {template.facts.kind async for template in client.templates(kind="currency")}
    assert kinds == {"currency"}
    page = await client.template_page(limit=3)
    assert page.items == tuple(templates[:3])
    with pytest.raises(NotFound):
        await client.template("swords/of/nobody")
    with pytest.raises(InvalidRequest):
        await client.template("what/is this?")


async def test_conditions(hero: CharacterHandle) -> None:
    first = await hero.grant("gold_coin", 250, idempotency_key="quest 17", durable=True)
    assert first.durable_seq == first.seq and not first.replayed
    again = await hero.grant("gold_coin", 250, idempotency_key="quest 17")
    assert again.replayed and again.changes == first.changes
    with pytest.raises(IdempotencyMismatch):
        await hero.grant("gold_coin", 999, idempotency_key="quest 17")
    await hero.grant("brown_bread", if_match=first.tag)
    with pytest.raises(TagMismatch) as mismatch:
        await hero.grant("brown_bread", if_match=first.tag)
    assert mismatch.value.tag == (await hero.inventory()).tag
    await hero.grant("brown_bread", idempotent=False)
    keys = await keys_of(hero)
    assert keys[0] == "quest 17" and len(keys[1]) == 32 and keys[2] == ""
    with pytest.raises(TypeError, match="if_macth"):
        await hero.sort("bag", if_macth=first.tag)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="no meaning"):
        await hero.sort("bag", idempotent=False, idempotency_key="k")


async def test_what_is_wrong(client: Haversack, hero: CharacterHandle, service: Serving) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        await hero.equip("no id")
    assert invalid.value.params["path"] == "item_id"
    with pytest.raises(CharacterNotFound):
        await client.character(uuid4()).inventory()
    with pytest.raises(CharacterNotFound):
        await client.character(uuid4()).grant("gold_coin")
    with pytest.raises(ValueError, match="UUID"):
        client.character("hero")
    async with Haversack(service.url, "wrong") as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.character(hero.char_id).inventory()
        with pytest.raises(Unauthenticated):
            await stranger.character(hero.char_id).grant("gold_coin")
        with pytest.raises(Unauthenticated):
            async with stranger.stream():
                pass
    for url in ("service.example", "ftp://service.example", "http://", "http://a?b=c"):
        with pytest.raises(ValueError, match="not the URL"):
            Haversack(url, TOKEN)
    with pytest.raises(ValueError, match="connections: expected 1"):
        Haversack(service.url, TOKEN, connections=0)
    with pytest.raises(ValueError, match="bodies_at_once: expected 1"):
        await client.execute_many([], bodies_at_once=0)
    with pytest.raises(RuntimeError, match="async with"):
        await Haversack(service.url, TOKEN).catalog()
    async with Haversack("http://127.0.0.1:1", TOKEN, timeout_s=0.2) as nobody:
        with pytest.raises(NotReached):
            await nobody.catalog()
        with pytest.raises(NotReached):
            await nobody.character(uuid4()).grant("gold_coin")


async def test_the_token_of_now(service: Serving) -> None:
    tokens = ["wrong", TOKEN]
    async with Haversack(service.url + "/", lambda: tokens.pop(0)) as client:
        with pytest.raises(Unauthenticated):
            await client.catalog()
        assert (await client.catalog()).version == 1


async def test_what_goes_on_and_on_takes_nobodys_place(service: Serving, hero: CharacterHandle) -> None:
    """Nor does a call that comes late pass one that waits."""
    turns: list[str] = []

    async def read(who: str) -> None:
        for _ in range(5):
            await same.read()
            turns.append(who)

    async with Haversack(service.url, TOKEN, connections=1, timeout_s=5) as narrow, narrow.stream() as stream:
        same = narrow.character(hero.char_id)
        async with aclosing(same.events()) as events, aclosing(same.events()) as more:
            await asyncio.gather(anext(events), anext(more))
            await asyncio.gather(read("a"), read("b"))
            await stream.execute(hero.char_id, [Grant("gold_coin", 1)])
    assert turns == ["a", "b"] * 5
