"""``POST /v1/execute``: commands for many characters in one round trip."""

import msgspec
from aiohttp import web

from gateway.auth.access import refused_request
from gateway.http.addressed import BulkRequest, Job, job_of
from gateway.http.conditions import REQUEST_ID
from gateway.http.identity import IDENTITY
from gateway.http.requests import decoded, json_body, plain
from gateway.http.responses import json_reply
from gateway.stream.carrier import Carrier
from gateway.stream.lanes import Count, Lanes
from persistence.orchestrator import InventoryOrchestrator

_BULK = msgspec.json.Decoder(BulkRequest)


class BulkGateway:
    """The handler of ``/v1/execute``."""

    def __init__(
        self, orchestrator: InventoryOrchestrator, carrier: Carrier, count: Count | None = None
    ) -> None:
        """Carry out by ``carrier``; ``count`` counts each request."""
        self._count = count
        self._carrier = carrier
        self._commands_max = orchestrator.ruleset.source.limits.commands_per_batch

    async def execute(self, request: web.Request) -> web.Response:
        """``{"replies": […]}``, in the order of the requests, each what the single call would answer.

        A body that is not understood to its end is 400, and nothing of it is done. Sessions that are
        not live are loaded. What the caller may not do is refused in its place, and the rest is done.
        """
        plain(request)
        identity = request[IDENTITY]
        call = identity.call_under(request.headers.get(REQUEST_ID, ""))
        wanted = decoded(_BULK, await json_body(request)).requests
        jobs = [
            job_of(one, index, call, self._commands_max, within=f"requests[{index}].")
            for index, one in enumerate(wanted)
        ]
        replies = [b""] * len(jobs)

        def answered(job: Job, answer: bytes) -> None:
            replies[job.ticket] = answer

        lanes = Lanes(self._carrier, answered, self._count)
        for job in jobs:
            if not identity.unrestricted and (
                problem := refused_request(identity, job.char_id, job.commands)
            ):
                lanes.refuse(job, problem)
            else:
                lanes.put(job)
        lanes.finish()
        await lanes.run()
        return json_reply(b'{"replies":[%b]}' % b",".join(replies))
