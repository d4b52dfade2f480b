"""The ways to a character: the service in Python, and HTTP. Both tell an answer, nothing done, or unknown."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import aiohttp
import msgspec

from engine.refusals import Param, Refusal, RefusalCode
from engine.state import Actor, Item
from persistence.errors import (
    Backpressure,
    Conflict,
    IdempotencyMismatch,
    OutcomeUnknown,
    SessionNotLive,
    Unavailable,
)
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call as Terms
from persistence.records import TagMismatch
from persistence.sessions.id_prefixes import IdPrefixes
from tests.linearizability.history import (
    Answer,
    Call,
    Execute,
    IdTaken,
    Inventory,
    Read,
    Reply,
    Standing,
)

# As often as the gateway tries to keep a session live for one call, which is then UNAVAILABLE.
LOADS = 2
_T = TypeVar("_T")
_reply = msgspec.json.Decoder(Reply)


class NothingDone(Exception):
    """The call was not carried out, and never will be."""


class Unknown(Exception):
    """The answer was lost: it may have been carried out, or will be."""


class Door(Protocol):
    """Where one client's calls go in."""

    def prepared(self, call: Call) -> Call:
        """The call with all that is known of it before it is sent."""

    async def ask(self, char_id: str, call: Call) -> Answer:
        """The answer; raises ``NothingDone``, ``Unknown``."""


class ServiceDoor:
    """Into an orchestrator, as the gateway does it: a session that is not live is loaded."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        self._orchestrator = orchestrator

    def prepared(self, call: Call) -> Call:
        if not isinstance(call, Execute):
            return call
        # Made here and not below, so that the ids of new items are known even of lost answers.
        return msgspec.structs.replace(call, prefixes=(IdPrefixes().fresh(),))

    async def ask(self, char_id: str, call: Call) -> Answer:
        try:
            if isinstance(call, Execute):
                return await self._execute(char_id, call)
            if isinstance(call, Read):
                live = await self._live(char_id, lambda: self._orchestrator.read_session(char_id))
                return Inventory(live.session.seq, live.tag, live.session.actor, live.session.items)
            if call.what == "load":
                state, _ = await self._orchestrator.load_session(char_id)
            else:
                state = await self._orchestrator.save_session(char_id, evict=call.what == "evict")
            return Standing(state.seq, state.durable_seq)
        except OutcomeUnknown as error:
            raise Unknown from error
        except (SessionNotLive, Unavailable, Backpressure, Conflict) as error:
            raise NothingDone from error

    async def _execute(self, char_id: str, call: Execute) -> Answer:
        terms = Terms(op_id=call.op_id, if_match=call.if_match, durable=call.durable)
        (prefix,) = call.prefixes
        try:
            outcome = await self._live(
                char_id,
                lambda: self._orchestrator.submit(char_id, call.commands, terms, id_prefix=prefix),
            )
        except IdempotencyMismatch:
            return IdTaken()
        return _reply.decode(outcome) if isinstance(outcome, bytes) else outcome

    async def _live(self, char_id: str, act: Callable[[], Awaitable[_T]]) -> _T:
        for _ in range(LOADS):
            try:
                return await act()
            except SessionNotLive:
                await self._orchestrator.load_session(char_id)
        return await act()


_NOTHING_DONE = ("UNAVAILABLE", "BACKPRESSURE", "CONFLICT")


class HttpDoor:
    """Into a process that serves. It makes the ids of new items itself, so answers have to tell them."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    def prepared(self, call: Call) -> Call:
        return call

    async def ask(self, char_id: str, call: Call) -> Answer:
        try:
            status, headers, body = await self._send(char_id, call)
        except aiohttp.ClientConnectorError as error:
            raise NothingDone from error
        except aiohttp.ClientError as error:
            raise Unknown from error
        if status in (200, 201):
            return _success(call, body)
        problem = json.loads(body)
        code = problem["code"]
        if code in _NOTHING_DONE:
            raise NothingDone(code)
        if code == "OUTCOME_UNKNOWN":
            raise Unknown(code)
        if code == "TAG_MISMATCH":
            return TagMismatch(headers["ETag"].strip('"'))
        if code == "IDEMPOTENCY_MISMATCH":
            return IdTaken()
        # Neither INTERNAL nor CHARACTER_QUARANTINED, nor anything else that no client should ever see.
        assert code in RefusalCode.__members__, problem
        params: dict[str, Param] = problem["params"]
        return Refusal(RefusalCode(code), params, problem["op_index"])

    async def _send(self, char_id: str, call: Call) -> tuple[int, Any, bytes]:
        base, headers = f"/v1/characters/{char_id}", {"Content-Type": "application/json"}
        if isinstance(call, Execute):
            headers |= {"Idempotency-Key": call.op_id} if call.op_id else {}
            headers |= {"If-Match": f'"{call.if_match}"'} if call.if_match else {}
            headers |= {"Inventory-Durability": "durable"} if call.durable else {}
            data = msgspec.json.encode({"commands": call.commands})
            sent = self._http.post(f"{base}/inventory/execute", data=data, headers=headers)
        elif isinstance(call, Read):
            sent = self._http.get(f"{base}/inventory")
        elif call.what == "evict":
            sent = self._http.delete(f"{base}/session")
        else:
            sent = self._http.post(f"{base}/session" + ("/save" if call.what == "save" else ""))
        async with sent as reply:
            return reply.status, reply.headers, await reply.read()


class _Shown(msgspec.Struct):
    seq: int
    tag: str
    actor: Actor
    items: list[Item]


def _success(call: Call, body: bytes) -> Answer:
    if isinstance(call, Execute):
        return _reply.decode(body)
    if isinstance(call, Read):
        shown = msgspec.json.decode(body, type=_Shown)
        return Inventory(shown.seq, shown.tag, shown.actor, {item.item_id: item for item in shown.items})
    return msgspec.json.decode(body, type=Standing)
