"""The two ends that the real code talks to, in the place of ``RedisLink`` and ``InventoryStore``."""

import asyncio
from collections.abc import Sequence
from typing import Any

from persistence.errors import CharacterNotFound, OutcomeUnknown, Unavailable
from persistence.link.redis_link import Argument
from persistence.postgres.load_batch import Begun
from persistence.records import Call, CharacterHead, FlushResult, FlushWork
from tests.simulation.network import Network


class Link:
    """One process's way to Redis; see ``RedisLink``."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def send(self, commands: Sequence[Sequence[Argument]], *, harmless: bool = False) -> list[Any]:
        replies: list[Any] = await self._network.exchange(commands, harmless=harmless)
        return replies

    def submit(self, *command: Argument, harmless: bool = False) -> asyncio.Future[Any]:
        replies = self._network.exchange([command], harmless=harmless)
        reply = self._network.loop.create_future()

        def answer(done: asyncio.Future[Any]) -> None:
            # Whoever waited may have died.
            error = done.exception()
            if not reply.done():
                _ = reply.set_exception(error) if error else reply.set_result(done.result()[0])

        replies.add_done_callback(answer)
        return reply

    async def call(self, *command: Argument, harmless: bool = False) -> Any:
        (reply,) = await self._network.exchange([command], harmless=harmless)
        if isinstance(reply, Exception):
            raise reply
        return reply


class Store:
    """One process's way to PostgreSQL; see ``InventoryStore``."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._model = network.postgres

    async def begin_loads(self, char_ids: Sequence[str]) -> dict[str, Begun]:
        def begin() -> Any:
            loads = self._model.begin_loads(char_ids)
            return loads.answers, loads.commit, loads.roll_back

        try:
            answers: dict[str, Begun] = await self._network.transact("load", begin)
        except OutcomeUnknown as error:
            raise Unavailable(str(error)) from error
        return answers

    async def flush(self, batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
        def begin() -> Any:
            flush = self._model.begin_flush(batch)
            return flush.results, flush.commit, flush.roll_back

        if not batch:
            return {}
        results: dict[str, FlushResult] = await self._network.transact("flush", begin)
        return results

    async def character(self, char_id: str) -> CharacterHead | None:
        row = self._model.characters.get(char_id)
        head = None if row is None else row.head()
        found: CharacterHead | None = await self._network.transact("character", lambda: (head, _no, _no))
        return found

    async def has_entry(self, char_id: str, seq: int, call: Call, at_ms: int) -> bool:
        entries = [entry for entry in self._model.journal.get(char_id, ()) if entry.seq == seq]
        known = any(
            entry.op_id == call.op_id
            and (call.op_id or (entry.at, entry.by, entry.request_id) == (at_ms, call.by, call.request_id))
            for entry in entries
        )
        found: bool = await self._network.transact("line", lambda: (known, _no, _no))
        return found

    async def quarantine(self, char_id: str, reason: str) -> None:
        await self._mark(char_id, reason)

    async def mark_closed(self, char_id: str, epoch: int) -> None:
        await self._network.transact(
            "close",
            lambda: (None, lambda: self._model.mark_closed(char_id, epoch), _no),
            lambda: char_id in self._model.locks,
        )

    async def release(self, char_id: str) -> None:
        await self._mark(char_id, None)

    async def _mark(self, char_id: str, reason: str | None) -> None:
        if char_id not in self._model.characters:
            raise CharacterNotFound(char_id)
        await self._network.transact(
            "mark",
            lambda: (None, lambda: self._model.quarantine(char_id, reason), _no),
            lambda: char_id in self._model.locks,
        )

    async def record_incident(self, char_id: str, reason: str, entries: Sequence[bytes]) -> None:
        await self._network.transact(
            "incident",
            lambda: (None, lambda: self._model.incidents.append((char_id, reason, list(entries))), _no),
        )

    async def reserve_item_ids(
        self, char_id: str, item_ids: Sequence[str], call: str
    ) -> tuple[set[str], set[str]]:
        answer: list[tuple[set[str], set[str]]] = []
        await self._network.transact(
            "reserve",
            lambda: (None, lambda: answer.append(self._model.reserve(char_id, item_ids, call)), _no),
        )
        return answer[0]

    async def release_item_ids(self, char_id: str, item_ids: Sequence[str], call: str) -> None:
        await self._network.transact(
            "give back", lambda: (None, lambda: self._model.give_back(char_id, item_ids, call), _no)
        )


def _no() -> None:
    return None
