"""The ledger of a character, over HTTP: every call that changed its inventory, in order."""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from msgspec import Raw, Struct

from engine.outcome import Changes
from gateway.http import requests
from gateway.http.problems import invalid
from gateway.http.responses import encode, json_reply
from persistence.orchestrator import InventoryOrchestrator

# Fifteen digits are beyond any seq.
_SEQ: Final = re.compile(r"0|[1-9][0-9]{0,14}")


class LedgerEntry(Struct, frozen=True):
    """One applied call: ``at`` in Unix milliseconds, ``commands`` as they were asked for."""

    seq: int
    at: int
    by: str
    request_id: str
    op_id: str
    commands: Raw
    changes: Changes


class LedgerPage(Struct, frozen=True):
    """Entries in order; ``cursor`` is the ``after_seq`` of the next page, null on the last."""

    entries: list[LedgerEntry]
    cursor: str | None


class JournalGateway:
    """The handler of ``/v1/characters/{char_id}/inventory/journal``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator

    async def page(self, request: web.Request) -> web.Response:
        """``GET …/inventory/journal?after_seq=&limit=``: entries after a seq, 100 of them or 1 to 500.

        The session is not loaded for it; one that lives has its newest entries shown. 400 names
        the parameter.
        """
        char_id = requests.char_id(request)
        query = requests.plain(request, "after_seq", "limit")
        found = await self._orchestrator.journal(char_id, _after_seq(query), requests.limit(query))
        entries = [
            LedgerEntry(
                entry.seq, entry.at, entry.by, entry.request_id, entry.op_id, entry.commands, entry.changes
            )
            for entry in found.entries
        ]
        cursor = None if found.next_after is None else str(found.next_after)
        return json_reply(encode(LedgerPage(entries, cursor)))


def _after_seq(query: Mapping[str, str]) -> int:
    text = query.get("after_seq", "0")
    if not _SEQ.fullmatch(text):
        raise invalid("after_seq", "expected a seq, or 0 for the beginning")
    return int(text)
