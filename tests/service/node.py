"""The functions of the mirror on one server, called one at a time."""

import json
from typing import Any

import redis

from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from lua.library import Library
from persistence.keys import Keys
from persistence.sessions.session_fields import actor_text, facts_text, fields_of
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES, empty_session

IDLE_MS, INTERVAL_MS, LEASE_MS, UNFLUSHED_MAX_MS = 900_000, 100, 3_000, 30_000
GRANT = json.dumps([{"op": "grant", "template_id": "gold", "quantity": 1}])


class Node:
    """The functions on one server, for one character; replies with bytes made text."""

    def __init__(self, client: redis.Redis, ruleset: Ruleset) -> None:
        self.client, self.ruleset, self.library = client, ruleset, Library(ruleset)
        self.keys = Keys().of(CHAR_ID)
        self.calls = 0
        client.function_load(self.library.code, replace=True)

    def call(self, name: str, *args: Any) -> list[Any]:
        contract = self.library.contracts[name]
        keys = [getattr(self.keys, key) for key in contract.keys + contract.keys_of_each]
        reply = self.client.fcall(self.library.function(name), len(keys), *keys, *args)
        return [part.decode() if isinstance(part, bytes) else part for part in reply]

    def open(
        self,
        epoch: int,
        seq: int = 0,
        *,
        catalog: int = 1,
        incarnation: int = 0,
        line: int | str = "",
        session: InventorySessionDTO | None = None,
    ) -> str:
        gen, now_ms = self.call("session_probe")[:2]
        written = fields_of(self.ruleset, session or empty_session(""))
        fields = [part for pair in written.items() for part in pair]
        actor = actor_text(self.ruleset, ACTOR)
        args = (gen, now_ms, epoch, seq, incarnation, line, catalog, IDLE_MS, actor, 0, *fields)
        return str(self.call("session_open", *args)[0])

    def execute(self, *, catalog: int = 1, op_id: str = "") -> list[Any]:
        self.calls += 1
        facts = ("gold", facts_text(TEMPLATES["gold"]))
        return self.call(
            "session_execute", catalog, '"at":0', op_id, "0" if op_id else "", "", INTERVAL_MS,
            UNFLUSHED_MAX_MS, f"{self.calls:024x}", GRANT, *facts,
        )  # fmt: skip

    def adopt(
        self, epoch: int, seq: int = 0, *, incarnation: int = 0, line: int | str = "", age_ms: int = 0
    ) -> str:
        gen, now_ms = self.call("session_probe")[:2]
        args = (gen, int(now_ms) - age_ms, epoch, seq, incarnation, line, IDLE_MS)
        return str(self.call("session_adopt", *args)[0])

    def settle(self, seq: int, epoch: int = 1) -> list[Any]:
        return self.call("session_settle", INTERVAL_MS, IDLE_MS, epoch, seq)

    def close(self, step: str, epoch: int = 1, seq: int | str = "", dead_epoch: int = 0) -> str:
        return str(self.call("session_close", step, epoch, seq, LEASE_MS, dead_epoch)[0])

    def due_in_ms(self) -> float | None:
        """How far off the session's turn is; None when it has none."""
        score = self.client.zscore(self.keys.due, CHAR_ID)
        return None if score is None else float(score) - int(self.call("session_probe")[1])

    def everything(self) -> list[Any]:
        """All that is kept of the character."""
        return [
            self.client.hgetall(self.keys.session),
            self.client.lrange(self.keys.journal, 0, -1),
            self.client.hgetall(self.keys.done),
            self.client.get(self.keys.fence),
            self.client.zscore(self.keys.due, CHAR_ID),
        ]


def near(value: float | None, expected: float) -> bool:
    return value is not None and abs(value - expected) < 2_000
