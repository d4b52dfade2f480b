"""Heads: made, found, listed in pages, quarantined."""

import uuid

import pytest

from engine.state import Actor
from persistence.errors import CharacterExists, CharacterNotFound, CharacterQuarantined, InvalidWords
from persistence.postgres.store import InventoryStore
from tests.loading import begin_load
from tests.store.given import HERO, entry, loaded, new_id, new_item, work


async def test_a_new_character_stands_at_the_beginning(store: InventoryStore) -> None:
    char_id = new_id()
    made = await store.create_character(char_id, "Aria", HERO)
    assert (made.char_id, made.name, made.actor) == (char_id, "Aria", HERO)
    assert (made.epoch, made.open, made.incarnation, made.seq) == (0, False, 0, 0)
    assert made.created_at > 1_600_000_000_000
    assert await store.character(char_id) == made
    assert await store.character(new_id()) is None


async def test_an_id_is_one_id_however_it_is_spelled(store: InventoryStore) -> None:
    char_id = new_id()
    made = await store.create_character(uuid.UUID(char_id).hex.upper(), "Aria", Actor())
    assert made.char_id == char_id
    with pytest.raises(CharacterExists) as refused:
        await store.create_character(char_id, "Other", Actor())
    assert refused.value.char_id == char_id
    assert (await store.character(char_id)) == made


async def test_a_name_that_cannot_be_stored_is_refused_and_finds_nobody(store: InventoryStore) -> None:
    for name in ("nul\0", "half a pair \ud800"):
        with pytest.raises(InvalidWords):
            await store.create_character(new_id(), name, Actor())
        assert await store.characters(name) == []


async def test_names_are_found_by_their_beginning_whatever_the_case(store: InventoryStore) -> None:
    for name in ("Aria", "ariadne", "Barian", "100%", "1000", "a_b", "axb", "back\\slash"):
        await store.create_character(new_id(), name, Actor())

    async def names(beginning: str) -> set[str]:
        return {head.name for head in await store.characters(beginning)}

    assert await names("ARIA") == {"Aria", "ariadne"}
    assert await names("100%") == {"100%"}
    assert await names("a_") == {"a_b"}
    assert await names("back\\s") == {"back\\slash"}
    assert await names("nobody") == set()
    assert len(await store.characters()) == 8


async def test_pages_hold_everyone_once(store: InventoryStore) -> None:
    ids = [(await store.create_character(new_id(), f"Npc {n}", Actor())).char_id for n in range(7)]
    await store.create_character(new_id(), "Somebody else", Actor())
    seen: list[str] = []
    while page := await store.characters("npc", seen[-1] if seen else None, 3):
        assert len(page) <= 3
        seen += [head.char_id for head in page]
    assert seen == sorted(ids)


async def test_who_is_quarantined_is_not_loaded_until_released(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    await store.quarantine(char_id, "a row was refused\0\ud800")
    with pytest.raises(CharacterQuarantined, match="a row was refused"):
        await begin_load(store, char_id)
    assert await store.character(char_id) == snapshot.head, "a refused load raises no epoch"
    flushed = await store.flush([work(snapshot, entry(1, [new_item()]))])
    assert flushed[char_id].status == "flushed", "the guard of a flush is its own"
    await store.release(char_id)
    assert (await begin_load(store, char_id)).head.epoch == 2


async def test_an_id_that_is_none_is_a_mistake(store: InventoryStore) -> None:
    for call in (
        store.character("nonsense"),
        begin_load(store, "nonsense"),
        store.journal("nonsense"),
        store.create_character("nonsense", "x", Actor()),
        store.characters(None, "nonsense"),
    ):
        with pytest.raises(ValueError, match="UUID"):
            await call


async def test_nobody_can_be_neither_loaded_nor_quarantined(store: InventoryStore) -> None:
    for call in (begin_load(store, new_id()), store.quarantine(new_id(), "x"), store.release(new_id())):
        with pytest.raises(CharacterNotFound):
            await call
