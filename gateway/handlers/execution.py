"""Carrying out commands: the one way from a request to the orchestrator."""

from collections.abc import Sequence

from aiohttp import web

from engine.commands import Command
from gateway.http.answers import of_preview, of_result
from gateway.http.problems import Problem
from gateway.http.responses import json_reply
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call


async def execute(
    orchestrator: InventoryOrchestrator, char_id: str, commands: Sequence[Command], call: Call
) -> web.Response:
    """The reply, whose bytes come finished from below; or the problem of a refusal or an old tag.

    Refusals are everyday answers, so their problems are returned and not raised.
    """
    result = await orchestrator.submit(char_id, commands, call)
    if isinstance(result, bytes):
        return json_reply(result)
    return _response(of_result(result, call))


async def preview(
    orchestrator: InventoryOrchestrator, char_id: str, commands: Sequence[Command], call: Call
) -> web.Response:
    """What the commands would come to, 200; or a problem with all rules that they would break."""
    return _response(of_preview(await orchestrator.preview(char_id, commands, call), call))


def _response(answer: bytes | Problem) -> web.Response:
    return answer.response() if isinstance(answer, Problem) else json_reply(answer)
