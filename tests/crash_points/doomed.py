"""What a scenario plays with, in the process that is to die."""

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import redis

from engine.commands import Command
from engine.refusals import Refusal
from engine.ruleset import Ruleset, parse_ruleset
from lua.library import Library
from persistence import service
from persistence.errors import SessionNotLive
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.keys import Keys
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol import ruleset_turns
from persistence.protocol.housekeeping import Housekeeper
from persistence.records import Call, TagMismatch
from persistence.service import ServiceSettings, open_service
from persistence.sessions.libraries import Libraries
from tests.crash_points.moments import fate
from tests.parity.twins import encode
from tests.parity.world import ACTOR, TEMPLATES

# Short, so that what a dead process held is soon claimed by another.
LEASE_MS = 60
FLUSH_INTERVAL_MS = 10


def tell(news: Mapping[str, Any]) -> None:
    """At once and in one piece: the next step may be the last."""
    os.write(1, json.dumps(news).encode() + b"\n")


@cache
def newer_rules() -> Ruleset:
    """Those of the next version: they allow all that the others do, and more."""
    shipped = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    return parse_ruleset(shipped.replace("capacity = 20\n", "capacity = 25\n", 1))


def prepare(ruleset: Ruleset) -> None:
    """For all services of this process: one Lua library a ruleset, short leases, and no housekeeping."""
    libraries = {rules.hash: Library(rules) for rules in (ruleset, newer_rules())}
    setattr(service, "Library", lambda rules: libraries[rules.hash])  # noqa: B010
    setattr(service, "LEASE_MS", LEASE_MS)  # noqa: B010
    setattr(ruleset_turns, "LEASE_MS", LEASE_MS)  # noqa: B010
    setattr(Housekeeper, "start", lambda _: None)  # noqa: B010
    setattr(Libraries, "start", lambda _: None)  # noqa: B010


class Doomed:
    """Characters of its own, gateways on the servers of the trial, and news to those who live on."""

    def __init__(self, ruleset: Ruleset, redis_url: str, database_url: str, char_ids: list[str]) -> None:
        self.ruleset = ruleset
        self.redis_url = redis_url
        self.database_url = database_url
        self.char_ids = char_ids
        self._calls = 0

    @property
    def char_id(self) -> str:
        return self.char_ids[0]

    @property
    def keys(self) -> Any:
        return Keys().of(self.char_id)

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)

    def act(self) -> None:
        """What comes now is what the scenario is about."""
        fate.begin()

    def gateway(
        self, *, flushing: bool = False, rules: Ruleset | None = None, **settings: Any
    ) -> AbstractAsyncContextManager[InventoryOrchestrator]:
        """A gateway under ``rules``, or under those that all have."""
        defaults: dict[str, Any] = {"flush_interval_ms": FLUSH_INTERVAL_MS}
        return open_service(
            ServiceSettings(self.redis_url, self.database_url, **(defaults | settings)),
            rules or self.ruleset,
            flushing=flushing,
        )

    async def born(self, gateway: InventoryOrchestrator, *char_ids: str) -> None:
        for char_id in char_ids or (self.char_id,):
            await gateway.create_character(char_id, "", ACTOR)

    async def played(self, gateway: InventoryOrchestrator, calls: int = 2, char_id: str = "") -> None:
        """A character that has been played, all of it acknowledged ``memory``."""
        char_id = char_id or self.char_id
        await self.born(gateway, char_id)
        await gateway.load_session(char_id)
        for number in range(calls):
            await self.call(
                gateway, {"op": "grant", "template_id": "ring", "quantity": 1 + number % 2}, char_id=char_id
            )

    async def call(
        self,
        gateway: InventoryOrchestrator,
        *commands: dict[str, Any],
        char_id: str = "",
        op_id: str = "",
        durable: bool = False,
        refused: bool = False,
        **more: Any,
    ) -> Any:
        """One call as the HTTP server makes it: told before, told when answered; loads when it must."""
        char_id = char_id or self.char_id
        if not op_id:
            self._calls += 1
            op_id = f"op-{self._calls}"
        told = {
            "char_id": char_id,
            "op_id": op_id,
            "commands": commands,
            "durable": durable,
            "refused": refused,
        }
        tell({"asked": told})
        batch: tuple[Command, ...] = encode(commands)
        call = Call(op_id=op_id, durable=durable)
        while True:
            try:
                outcome = await gateway.submit(char_id, batch, call, **more)
                break
            except SessionNotLive:
                await gateway.load_session(char_id)
        assert isinstance(outcome, Refusal) == refused, outcome
        reply = None if isinstance(outcome, Refusal | TagMismatch) else json.loads(outcome)
        tell({"answered": told | {"reply": reply}})
        return reply

    async def changed_catalog(self, gateway: InventoryOrchestrator) -> None:
        """A newer catalog than any before; only ``gateway``'s store is used."""
        edition = uuid.uuid4()
        weight = edition.int % 1000
        changed = TEMPLATES | {"ring": msgspec.structs.replace(TEMPLATES["ring"], weight=weight)}
        acting, fate.acting = fate.acting, False
        # Of equal catalogs the second would be no newer one.
        await import_catalog(gateway.store, catalog(changed, str(edition)))
        fate.acting = acting

    def saved(self) -> tuple[dict[str, Any], Any]:
        """Session, journal and operations as they are now, and when they are due."""
        keys = (self.keys.session, self.keys.journal, self.keys.done)
        due = self.redis.zscore(self.keys.due, self.char_id)
        return {key: self.redis.dump(key) for key in keys if self.redis.exists(key)}, due

    def put_back(self, saved: tuple[dict[str, Any], Any]) -> None:
        """What a node has that came back with an old state, under another gen."""
        values, due = saved
        for key, value in values.items():
            self.redis.restore(key, 0, value, replace=True)
        self.redis.zadd(self.keys.due, {self.char_id: due})
        self.came_back()

    def came_back(self) -> None:
        """The session was opened before the node restarted."""
        self.redis.hset(self.keys.session, "gen", '"before:restart"')


def catalog(known: Mapping[str, Any] = TEMPLATES, edition: str = "") -> list[Template]:
    """The small world's, filled up beyond what is read without a pause."""
    more = [msgspec.structs.replace(TEMPLATES["ore"], template_id=f"ore_{number}") for number in range(60)]
    return [Template(facts, {"edition": edition}) for facts in (*known.values(), *more)]
