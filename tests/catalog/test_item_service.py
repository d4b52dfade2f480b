"""The catalog kept as a studio's item service has it; whatever that does, what is known is served on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from unittest.mock import AsyncMock

import pytest
from msgspec.structs import replace

from engine.ruleset import Ruleset
from gateway.configuration.settings import Settings, SettingsError
from persistence.errors import CatalogError, FeedError, Unavailable
from persistence.items import catalog_store, item_service
from persistence.items import follower as follower_module
from persistence.items.catalog_store import import_catalog
from persistence.items.catalog_versions import catalog_versions
from persistence.items.follower import BACKOFF_MAX_S, CatalogFollower
from persistence.items.item_gateway import ItemGateway
from persistence.items.item_service import ItemService, Timeouts
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.postgres.database import Database
from persistence.postgres.store import InventoryStore
from persistence.service import open_service
from tests.catalog.given import line, lines, template
from tests.catalog.item_service import FakeStudio, studio
from tests.service.conftest import Site
from tests.store.given import loaded, new_item

QUICK = Timeouts(connect_s=1, silence_s=0.2, whole_s=5)


@pytest.fixture
async def fake() -> AsyncIterator[FakeStudio]:
    async with studio() as fake:
        fake.text = line("axe") + line("bow")
        yield fake


def service(fake: FakeStudio, ruleset: Ruleset, token: str | None = "secret") -> ItemService:
    return ItemService(fake.url, token, ruleset, timeouts=QUICK)


def follower(fake: FakeStudio, store: InventoryStore, poll_s: float = 60) -> CatalogFollower:
    return CatalogFollower(store, service(fake, store.ruleset), fake.url, poll_s=poll_s)


async def due(store: InventoryStore) -> None:
    """Now it is time to ask again."""
    async with store.database.transaction() as connection:
        await connection.execute("UPDATE catalog_feed SET next_at = now()")


async def version(store: InventoryStore) -> int:
    return await PostgresCatalog(store).version()


async def test_a_catalog_is_fetched_once(fake: FakeStudio, ruleset: Ruleset) -> None:
    fetched = await service(fake, ruleset).fetch("")
    assert fetched is not None and fetched.tag == '"v1"' and list(fetched.content.templates) == ["axe", "bow"]
    assert await service(fake, ruleset).fetch(fetched.tag) is None
    asked = fake.asked[-1]
    assert (asked["Authorization"], asked["If-None-Match"]) == ("Bearer secret", '"v1"')
    assert "Authorization" not in (await _asked(fake, service(fake, ruleset, None)))


async def _asked(fake: FakeStudio, of: ItemService) -> dict[str, str]:
    await of.fetch("")
    return fake.asked[-1]


async def test_an_answer_that_is_too_long(
    fake: FakeStudio, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.text = b"".join(lines(3_000))
    fetched = await service(fake, ruleset).fetch("")
    assert fetched is not None and len(fetched.content.templates) == 3_000
    monkeypatch.setattr(item_service, "CATALOG_BYTES_MAX", len(fake.text) - 1)
    with pytest.raises(FeedError, match="longer than"):
        await service(fake, ruleset).fetch("")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("broken", "^it answers 500$"),
        ("packed", "^it packs its answer"),
        ("moved", "^it answers 302$"),
        ("stalls", "^it does not answer in time$"),
        ("silent", "^it does not answer in time$"),
        ("cut", "^it cannot be asked: ClientPayloadError$"),
    ],
)
async def test_what_it_may_do_wrong(fake: FakeStudio, ruleset: Ruleset, mode: str, words: str) -> None:
    fake.mode = mode
    with pytest.raises(FeedError, match=words):
        await service(fake, ruleset).fetch("")
    assert len(fake.asked) == 1, "no redirect is followed, and nothing repeated"


async def test_a_part_that_could_pass_for_the_whole(ruleset: Ruleset) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + line("axe"))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FeedError, match="neither Content-Length nor chunked"):
            await ItemService(f"http://127.0.0.1:{port}", None, ruleset, timeouts=QUICK).fetch("")


async def test_what_is_no_catalog(fake: FakeStudio, ruleset: Ruleset) -> None:
    fake.mode = "page"
    with pytest.raises(CatalogError, match=r"^line 1: \$: JSON is malformed"):
        await service(fake, ruleset).fetch("")
    fake.mode, fake.text = "well", b""
    with pytest.raises(CatalogError, match="there is no template in it"):
        await service(fake, ruleset).fetch("")
    fake.mode, fake.text = "well", line("axe", "spaceship")
    with pytest.raises(CatalogError, match="spaceship"):
        await service(fake, ruleset).fetch("")


async def test_nobody_there(ruleset: Ruleset) -> None:
    with pytest.raises(FeedError, match="ClientConnectorError"):
        await ItemService("http://127.0.0.1:1/items", "secret", ruleset, timeouts=QUICK).fetch("")


async def test_what_is_new_there_becomes_a_version(fake: FakeStudio, store: InventoryStore) -> None:
    follows = follower(fake, store)
    assert await follows.look() == 60
    (one,) = await catalog_versions(store.database)
    assert (one.version, one.by, one.count, follows.imports) == (1, "item-service", 2, 1)
    assert 59 < await follows.look() <= 60, "nobody asks again before it is time"
    await due(store)
    assert await follows.look() == 60
    assert (len(fake.asked), follows.checks, follows.imports) == (2, 2, 1)
    fake.text, fake.tag = line("axe") + line("cap"), '"v2"'
    await due(store)
    await follows.look()
    assert await version(store) == 2 and follows.imports == 2
    state = await follows.state()
    assert state.failures == 0 and state.age_s is not None and state.age_s < 30 and state.problem == ""


async def test_without_tags_what_is_the_same_makes_no_version(
    fake: FakeStudio, store: InventoryStore
) -> None:
    follows, fake.tag = follower(fake, store), None
    for _ in range(3):
        await follows.look()
        await due(store)
    assert (len(fake.asked), await version(store)) == (3, 1)


async def test_whatever_is_wrong_what_is_known_is_served(
    fake: FakeStudio, store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    follows, items = follower(fake, store), ItemGateway(PostgresCatalog(store))
    await follows.look()
    await items.refresh()
    pauses = []
    for number, mode in enumerate(("broken", "broken", "stalls", "page", "cut"), 1):
        fake.mode = mode
        await due(store)
        pauses.append(await follows.look())
        state = await follows.state()
        assert state.failures == number == follows.failed_checks and state.problem
        assert state.failing_since is not None and state.succeeded_at is not None
    assert pauses == [60, 120, 240, BACKOFF_MAX_S, BACKOFF_MAX_S]
    await items.refresh()
    assert items.version == 1 and items.facts("axe") is not None
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 4, "a problem is told once, not at every look"
    assert not [text for text in told if "secret" in text]
    fake.mode, fake.text, fake.tag = "well", line("axe"), '"v2"'
    await due(store)
    assert await follows.look() == 60
    assert (await follows.state()).failures == 0 and await version(store) == 2


async def test_a_problem_that_cannot_be_kept_as_it_is(fake: FakeStudio, store: InventoryStore) -> None:
    follows, fake.text = follower(fake, store), b'{"facts": {"template_id": "axe", "a\\u0000b": 1}}\n'
    await follows.look()
    state = await follows.state()
    assert state.failures == 1 and "a\N{REPLACEMENT CHARACTER}b" in state.problem


async def test_what_postgresql_does_not_get_to_its_end(
    fake: FakeStudio, store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and all of it is sent for less and less often."""
    monkeypatch.setattr(follower_module, "replace_catalog", AsyncMock(side_effect=Unavailable("cut off")))
    following = follower(fake, store)
    pauses = []
    for _ in range(3):
        await due(store)
        pauses.append(await following.look())
    assert pauses == [60, 120, 240]
    state = await following.state()
    assert (state.failures, state.problem, following.failed_checks) == (3, "cut off", 3)


async def test_a_catalog_that_is_gone_through_slowly(
    fake: FakeStudio, store: InventoryStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit beside all else, for longer than a transaction may stand idle otherwise."""
    await follower(fake, store).look()
    hasty = await Database.connect(database_url, pool_size=2, idle_in_transaction_s=0.2)

    async def slowly(many: Sequence[object]) -> AsyncIterator[object]:
        for one in many:
            await asyncio.sleep(0.3)
            yield one

    monkeypatch.setattr(catalog_store, "unhurried", slowly)
    fake.text, fake.tag = fake.text + line("club"), '"v2"'
    await due(store)
    await follower(fake, InventoryStore(hasty, store.ruleset)).look()
    await hasty.close()
    assert await version(store) == 2


async def test_what_would_take_templates_in_use_is_refused_and_tried_again(
    fake: FakeStudio, store: InventoryStore
) -> None:
    follows = follower(fake, store)
    await follows.look()
    snapshot = await loaded(store, new_item(slot=0, template_id="bow"))
    fake.text, fake.tag = line("axe"), '"v2"'
    for _ in range(2):
        await due(store)
        await follows.look()
        assert await version(store) == 1 and "bow" in (await follows.state()).problem
    async with store.database.transaction() as connection:
        await connection.execute("DELETE FROM items WHERE owner = $1", snapshot.head.char_id)
    await due(store)
    await follows.look()
    assert await version(store) == 2 and (await follows.state()).problem == ""


async def test_one_process_asks_at_a_time(fake: FakeStudio, store: InventoryStore) -> None:
    fake.mode = "stalls"
    several = [follower(fake, store) for _ in range(4)]
    looks = [asyncio.create_task(one.look()) for one in several]
    async with asyncio.timeout(10):
        while not fake.asked:
            await asyncio.sleep(0.005)
    fake.mode = "well"
    fake.released.set()
    await asyncio.gather(*looks)
    assert len(fake.asked) == 1 and sum(one.checks for one in several) == 1
    assert await version(store) == 1


async def test_an_import_by_hand_counts_until_the_service_has_another(
    fake: FakeStudio, store: InventoryStore
) -> None:
    follows = follower(fake, store)
    await follows.look()
    await import_catalog(store, [template("cap")], by="ada")
    await due(store)
    await follows.look()
    assert [one.by for one in await catalog_versions(store.database)] == ["ada", "item-service"]
    fake.tag = '"v2"'
    await due(store)
    await follows.look()
    assert await version(store) == 3


async def test_it_follows_by_itself(fake: FakeStudio, store: InventoryStore) -> None:
    follows, items = follower(fake, store, poll_s=0.05), ItemGateway(PostgresCatalog(store), poll_s=0.02)
    await items.start()
    follows.start()
    async with asyncio.timeout(20):
        while items.version < 1:
            await asyncio.sleep(0.01)
        fake.mode = "broken"
        while not (await follows.state()).failures:
            await asyncio.sleep(0.01)
        fake.mode, fake.text, fake.tag = "well", line("cap"), '"v2"'
        while items.facts("cap") is None:
            await asyncio.sleep(0.01)
    await follows.stop()
    await items.close()


async def test_another_service_is_asked_at_once(fake: FakeStudio, store: InventoryStore) -> None:
    await follower(fake, store).look()
    other = CatalogFollower(store, service(fake, store.ruleset), f"{fake.url}?realm=2", poll_s=60)
    await other.look()
    assert len(fake.asked) == 2 and "If-None-Match" not in fake.asked[-1]
    async with store.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM catalog_feed") == 1


async def test_a_service_follows_it(fake: FakeStudio, site: Site) -> None:
    settings = replace(site.settings, items_url=fake.url, items_token="secret", items_poll_s=1)
    async with open_service(settings, site.ruleset, flushing=False) as gateway:
        assert gateway.items.feed is None and not fake.asked, "whoever flushes does it"
    async with open_service(settings, site.ruleset) as gateway, asyncio.timeout(20):
        while gateway.items.facts("axe") is None:
            await asyncio.sleep(0.02)
        feed = gateway.items.feed
        assert feed is not None and (await feed.state()).failures == 0
        assert fake.asked[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ITEMS_URL": "http://items.example/catalog"}, "ITEMS_URL: expected https://, or http:// to this"),
        ({"ITEMS_URL": "https://ada:secret@items.example/"}, "ITEMS_URL: a user or password is not sent"),
        ({"ITEMS_URL": "https://items.example/#all"}, "ITEMS_URL: a fragment is not sent"),
        ({"ITEMS_URL": "ftp://items.example/"}, "ITEMS_URL: expected a URL that begins with https://"),
        ({"ITEMS_TOKEN": "secret"}, "ITEMS_TOKEN: there is no HAVERSACK_ITEMS_URL"),
        ({"ITEMS_URL": "https://items.example/", "ITEMS_POLL_S": "0"}, "ITEMS_POLL_S: expected"),
    ],
)
def test_settings_that_are_wrong(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        Settings.read({f"HAVERSACK_{name}": value for name, value in environ.items()})
    assert "secret" not in str(refused.value)


def test_settings_that_are_right() -> None:
    for url in ("https://items.example/all?realm=hush", "http://127.0.0.1:9/", "http://[::1]/items"):
        settings = Settings.read({"HAVERSACK_ITEMS_URL": url, "HAVERSACK_ITEMS_TOKEN": "hush"})
        assert (settings.items_url, settings.items_poll_s) == (url, 30)
        assert "hush" not in repr(settings)
