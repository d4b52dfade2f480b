"""One request of many carried out, whatever that takes: its answer is a reply or a problem document."""

import asyncio
from contextlib import suppress
from typing import Final

from gateway.http.addressed import Job
from gateway.http.answers import of_error, of_preview, of_result
from gateway.http.problems import Problem
from gateway.middleware import LOADS_MAX, not_kept_live
from persistence.errors import SessionNotLive
from persistence.link.submitted import Submitted
from persistence.orchestrator import InventoryOrchestrator

# Half of what the loader takes at a time: loads are batched, so many at once are quick, and somebody
# who logs in with one character is not to wait behind a thousand of one body.
LOADS_AT_ONCE: Final = 128


class Carrier:
    """Carries out single requests; one for all callers, because what it bounds is theirs together."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self.orchestrator = orchestrator
        self._loads = asyncio.Semaphore(LOADS_AT_ONCE)

    async def carry_out(self, job: Job, submitted: Submitted | None, *, live: bool = True) -> bytes | Problem:
        """The answer of a request that may take its time; ``submitted`` is what is to be awaited.

        Not ``live``: it has found no session, and nothing of it was done. A session may be evicted
        between load and call, so it is tried again; at last something is wrong that another load does
        not mend.
        """
        try:
            if live:
                with suppress(SessionNotLive):
                    return await self._attempt(job, submitted)
            for _ in range(LOADS_MAX):
                async with self._loads:
                    await self.orchestrator.load_session(job.char_id)
                with suppress(SessionNotLive):
                    return await self._attempt(job, None)
        except Exception as error:
            return problem_of(job, error)
        return not_kept_live()

    async def _attempt(self, job: Job, submitted: Submitted | None) -> bytes | Problem:
        if job.dry_run:
            shown = await self.orchestrator.preview(job.char_id, job.commands, job.call)
            return of_preview(shown, job.call)
        result = await (submitted or self.orchestrator.submit(job.char_id, job.commands, job.call))
        return of_result(result, job.call)


def problem_of(job: Job, error: Exception) -> Problem:
    """The problem that an error is to a request."""
    return of_error(error, f"a request of character {job.char_id}", job.call.request_id)
