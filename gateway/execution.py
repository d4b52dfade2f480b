"""Carrying out commands: the one way from a request to the orchestrator."""

from collections.abc import Sequence

from aiohttp import web

from engine.commands import Command
from engine.refusals import Refusal
from gateway.problems import Problem, of_refusal, of_violations
from gateway.responses import encode, json_reply
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, TagMismatch
from persistence.replies import told_members


async def execute(
    orchestrator: InventoryOrchestrator, char_id: str, commands: Sequence[Command], call: Call
) -> web.Response:
    """The reply, whose bytes come finished from below; or the problem of a refusal or an old tag.

    Refusals are everyday answers, so their problems are returned and not raised.
    """
    result = await orchestrator.submit(char_id, commands, call)
    if isinstance(result, bytes):
        return json_reply(result)
    if isinstance(result, Refusal):
        return of_refusal(result).response()
    return _tag_mismatch(result, call)


async def preview(
    orchestrator: InventoryOrchestrator, char_id: str, commands: Sequence[Command], call: Call
) -> web.Response:
    """What the commands would come to, 200; or a problem with all rules that they would break."""
    result = await orchestrator.preview(char_id, commands, call)
    if isinstance(result, TagMismatch):
        return _tag_mismatch(result, call)
    if isinstance(result, tuple):
        return of_violations(result).response()
    plan = {"changes": result.changes, **told_members(result.told), "capacity": result.capacity}
    return json_reply(encode(plan))


def _tag_mismatch(result: TagMismatch, call: Call) -> web.Response:
    return Problem(
        "TAG_MISMATCH",
        params={"tag": result.tag, "expected": call.if_match},
        headers={"ETag": f'"{result.tag}"'},
    ).response()
