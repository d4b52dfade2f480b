"""``POST /v1/execute``: commands for many characters in one round trip."""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from gateway.addressed import REQUESTS_MAX, AddressedRequest, Job, job_of
from gateway.carrier import Carrier
from gateway.conditions import REQUEST_ID, SERVICE
from gateway.lanes import Lanes
from gateway.requests import decoded, json_body, plain
from gateway.responses import json_reply
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call

Requests = Annotated[list[AddressedRequest], Meta(min_length=1, max_length=REQUESTS_MAX)]


class BulkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"requests": [{"char_id", "commands", …}, …]}``: 1 to 1,000, each all or nothing by itself."""

    requests: Requests


_BULK = msgspec.json.Decoder(BulkRequest)


class BulkGateway:
    """The handler of ``/v1/execute``."""

    def __init__(self, orchestrator: InventoryOrchestrator, carrier: Carrier) -> None:
        """Carry out by ``carrier``."""
        self._carrier = carrier
        self._commands_max = orchestrator.ruleset.source.limits.commands_per_batch

    async def execute(self, request: web.Request) -> web.Response:
        """``{"replies": […]}``, in the order of the requests, each what the single call would answer.

        A body that is not understood to its end is 400, and nothing of it is done. Sessions that are
        not live are loaded.
        """
        plain(request)
        call = Call(by=SERVICE, request_id=request.headers.get(REQUEST_ID, ""))
        wanted = decoded(_BULK, await json_body(request)).requests
        jobs = [
            job_of(one, index, call, self._commands_max, within=f"requests[{index}].")
            for index, one in enumerate(wanted)
        ]
        replies = [b""] * len(jobs)

        def answered(job: Job, answer: bytes) -> None:
            replies[job.ticket] = answer

        lanes = Lanes(self._carrier, answered)
        for job in jobs:
            lanes.put(job)
        lanes.finish()
        await lanes.run()
        return json_reply(b'{"replies":[%b]}' % b",".join(replies))
