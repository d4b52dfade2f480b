"""Services that are broken on purpose: the histories of each give it away within a few dozen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from engine.ruleset import Ruleset
from lua.library import Library, shipped_sources
from persistence import service
from persistence.errors import OutcomeUnknown
from persistence.link.redis_link import Argument, RedisLink
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from persistence.protocol.evictor import Evictor
from persistence.records import LiveSession
from tests.linearizability.checker import check
from tests.linearizability.doors import Door
from tests.linearizability.late_proxy import LateProxy
from tests.linearizability.model import Model
from tests.linearizability.recording import Habits
from tests.linearizability.shrink import shrink
from tests.linearizability.sites import record_many, service_doors, small_site
from tests.servers import Servers
from tests.service.conftest import Site

HISTORIES_MAX = 160
IN_A_GO = 16
# File of the library, what stands there, and what is planted in its stead.
IN_THE_LIBRARY = {
    "a sort is committed over what came in between": ("session_commit", "tag ~= call.tag(head)", "false"),
    "operation ids are not looked up": ("call", "if stored then", "if false then"),
    "an operation id is good for any commands": ("call", "hash ~= payload_hash", "false"),
    "conditions are not looked at": ("call", "if_match ~= call.tag(head)", "false"),
    "loads overwrite live sessions": (
        "session_open",
        "if adoption.is_behind(own, load) then",
        "if true then",
    ),
    "operations are forgotten when a session ends": (
        "session_open",
        "set_all(done, args, FIRST, FIRST + remembered - 1)",
        "",
    ),
}
Break = Callable[[pytest.MonkeyPatch], None]


def show_what_was_read_before(patch: pytest.MonkeyPatch) -> None:
    """What was read last is shown again for a while, as a cache would."""
    real, kept = InventoryOrchestrator.read_session, dict[str, LiveSession]()

    async def read_session(self: InventoryOrchestrator, char_id: str) -> LiveSession:
        live = await real(self, char_id)
        old = kept.pop(char_id, None)
        if old is None:
            kept[char_id] = live
        return old or live

    patch.setattr(InventoryOrchestrator, "read_session", read_session)


def evict_without_flushing(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> bool:
        return True

    patch.setattr(Evictor, "_final_flush", nothing)


def send_again_what_was_lost(patch: pytest.MonkeyPatch) -> None:
    """As a client does that repeats by itself."""
    real = RedisLink.send

    async def send(
        self: RedisLink, commands: Sequence[Sequence[Argument]], *, harmless: bool = False
    ) -> list[Any]:
        try:
            return await real(self, commands, harmless=harmless)
        except OutcomeUnknown:
            return await real(self, commands, harmless=harmless)

    patch.setattr(RedisLink, "send", send)


IN_PYTHON: dict[str, Break] = {
    "reads are kept": show_what_was_read_before,
    "sessions end without a flush": evict_without_flushing,
    "lost calls are sent again": send_again_what_was_lost,
}


@pytest.mark.parametrize("fault", [*IN_THE_LIBRARY, *IN_PYTHON])
async def test_what_is_broken_is_found(
    servers: Servers,
    small: Ruleset,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fault: str,
) -> None:
    if fault in IN_PYTHON:
        IN_PYTHON[fault](monkeypatch)
    else:
        monkeypatch.setattr(service, "Library", lambda ruleset: Library(ruleset, _planted(fault)))
    with redis.Redis.from_url(servers.redis.url) as client:
        site = await small_site(servers, small, client)
        proxy = LateProxy(servers.redis.url, tmp_path / "late.sock", seed=1)
        async with proxy.running(), _doors(site, proxy) as (store, doors):
            proxy.calls_share = 0.2 if fault == "lost calls are sent again" else 0.0
            for first in range(0, HISTORIES_MAX, IN_A_GO):
                seeds = [f"broken {number}" for number in range(first, first + IN_A_GO)]
                recorded = await record_many(store, doors, seeds, Habits(conditional=0.15))
                wrong = [each for each in recorded if not check(each.operations, model).legal]
                if wrong:
                    break
            proxy.calls_share = 0.0
    assert wrong, f"{HISTORIES_MAX} histories do not show it"
    small_history = shrink(min((each.operations for each in wrong), key=len), model)
    assert not check(small_history, model).legal


@asynccontextmanager
async def _doors(site: Site, proxy: LateProxy) -> AsyncIterator[tuple[InventoryStore, list[Door]]]:
    behind = Site(msgspec.structs.replace(site.settings, redis_url=proxy.url), site.ruleset, site.client)
    async with service_doors(site, behind) as doors, asyncio.timeout(120):
        yield doors


def _planted(fault: str) -> dict[str, str]:
    file, before, after = IN_THE_LIBRARY[fault]
    sources = shipped_sources()
    assert before in sources[file]
    return sources | {file: sources[file].replace(before, after)}
