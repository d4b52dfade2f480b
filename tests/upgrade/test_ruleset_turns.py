"""Two services of different rulesets, and everybody wants the same character."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

import pytest

from engine.ruleset import Ruleset, parse_ruleset
from gateway.middleware import LOADS_MAX
from persistence.errors import CharacterQuarantined, SessionNotLive, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.service import open_service
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.conftest import each_site as each_site
from tests.service.conftest import site as site
from tests.service.play import do, first_item, grant, move

TEXT = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
ROOMIER = parse_ruleset(TEXT.replace("capacity = 20\n", "capacity = 24\n", 1))
WITH_A_VAULT = parse_ruleset(f'{TEXT}\n[[containers]]\nname = "vault"\nkind = "slots"\ncapacity = 5\n')


async def play(gateway: InventoryOrchestrator, *commands: dict[str, Any], char_id: str, **call: Any) -> Any:
    """As the HTTP gateway does it, and as often."""
    for _ in range(1 + LOADS_MAX):
        try:
            return await do(gateway, *commands, char_id=char_id, **call)
        except SessionNotLive:
            await gateway.load_session(char_id)
    raise AssertionError(f"after {LOADS_MAX} loads the session had gone again")


def total(reply: Any) -> int:
    """How many slots the bag has by the rules that a call was judged by."""
    return int(reply["capacity"]["containers"]["bag"]["total"])


async def test_who_never_pauses_keeps_nobody_from_his_turn(each_site: Site, ruleset: Ruleset) -> None:
    """Callers of one ruleset leave no gap between their calls; those of the other get theirs all the same."""
    async with (
        each_site.gateway() as old,
        open_service(each_site.settings, ROOMIER) as new,
    ):
        stop = asyncio.Event()

        async def to_and_fro(gateway: InventoryOrchestrator, own: int, **call: Any) -> AsyncIterator[Any]:
            """What each call answers that moves a dagger between two slots, which are this caller's."""
            reply = await play(gateway, grant("dagger"), char_id=CHAR_ID)
            item_id = first_item(reply)
            while True:
                for slot in (own, own + 1):
                    yield await play(gateway, move(item_id, "bag", slot), char_id=CHAR_ID, **call)

        calls: Counter[str] = Counter()

        async def without_pause(gateway: InventoryOrchestrator, name: str, own: int, **call: Any) -> None:
            async for reply in to_and_fro(gateway, own, **call):
                assert total(reply) == {"old": 20, "new": 24}[name]
                calls[name] += 1
                if stop.is_set():
                    break

        async with asyncio.TaskGroup() as tasks:
            for own in (12, 14, 16, 18):
                tasks.create_task(without_pause(old, "old", own))
            tasks.create_task(without_pause(new, "new", 10, durable=True))
            async with asyncio.timeout(60):
                while min(calls["old"], calls["new"]) < 10:
                    await asyncio.sleep(0.01)
            stop.set()
    await each_site.audit()


async def test_a_turn_that_fails_leaves_the_session_as_it_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL is away: who played before plays on."""
    async with (
        site.gateway(flushing=False) as old,
        open_service(site.settings, ROOMIER, flushing=False) as new,
    ):
        await play(old, grant("gold"), char_id=CHAR_ID)

        async def away(*_: object, **__: object) -> None:
            raise Unavailable("PostgreSQL: away")

        with monkeypatch.context() as patched:
            patched.setattr(new.store, "flush", away)
            with pytest.raises(Unavailable, match="away"):
                await play(new, grant("gold"), char_id=CHAR_ID)
            # No load is needed: the session is live, and under the same rules.
            patched.setattr(old, "load_session", away)
            assert (await play(old, grant("gold"), char_id=CHAR_ID))["seq"] == 2
        assert (await play(new, grant("gold"), char_id=CHAR_ID))["seq"] == 3
    await site.audit()


async def test_what_lies_where_only_one_ruleset_has_a_place(site: Site) -> None:
    """The other one cannot serve the character, says so, and does no harm to it."""
    async with (
        site.gateway() as old,
        open_service(site.settings, WITH_A_VAULT) as new,
    ):
        reply = await play(new, grant("dagger"), char_id=CHAR_ID)
        item_id = reply["changes"]["changed"][0]["item_id"]
        await play(new, move(item_id, "vault", 0), char_id=CHAR_ID)
        with pytest.raises(CharacterQuarantined, match="vault 0, which the ruleset does not have"):
            await play(old, grant("gold"), char_id=CHAR_ID)
        assert (await play(new, move(item_id, "bag", 3), char_id=CHAR_ID))["seq"] == 3
        assert (await play(old, grant("gold"), char_id=CHAR_ID))["seq"] == 4
    await site.audit()


async def test_a_dead_process_leaves_its_turn_to_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had stopped the session, and that was the last of it."""
    async with (
        site.gateway(flushing=False) as old,
        open_service(site.settings, ROOMIER, flushing=False) as new,
    ):
        await play(old, grant("gold"), char_id=CHAR_ID)
        await play(new, grant("gold"), char_id=CHAR_ID)

        class Dead(BaseException):
            """Nothing of ours handles it."""

        async def die(*_: object) -> None:
            raise Dead

        with monkeypatch.context() as patched:
            patched.setattr(old._loader, "reload", die)
            with pytest.raises(Dead):
                await old.load_session(CHAR_ID)
        assert site.client.hget(f"inventory:session:{CHAR_ID}", "status") == b'"CLOSING"'
        assert (await play(new, grant("gold"), char_id=CHAR_ID))["seq"] == 3
    await site.audit()
