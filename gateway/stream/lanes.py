"""Requests of many characters under way at once, those of one character one after the other.

The usual request is sent to Redis as it comes and needs no task: Redis answers in its own order, so
one coroutine takes all answers in that order. What needs more than Redis, a load or PostgreSQL's
word or an engine's judgement, gets a task, so that nobody else's answer waits for it.

A character's next request is begun when the one before it is answered. To send both at once would
be quicker, but not the same: where the first finds no session and has to be repeated after a load,
somebody else's load could come between the two, and the second would be carried out first.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.http.addressed import Job
from gateway.http.answers import of_result
from gateway.http.problems import Problem
from gateway.stream.carrier import Carrier, problem_of
from persistence.errors import SessionNotLive
from persistence.link.submitted import Submitted

# So many of one caller's that Redis always has the next at hand, and so few that others' calls, which
# share its connection, do not wait behind a thousand.
SENT_MAX: Final = 128

Count = Callable[[Job, bytes | Problem], None]


class Lanes:
    """One caller's requests."""

    def __init__(
        self, carrier: Carrier, answered: Callable[[Job, bytes], None], count: Count | None = None
    ) -> None:
        """``answered`` gets each request's answer, the JSON of a reply or a problem; ``count`` counts it."""
        self._carrier = carrier
        self._submit = carrier.orchestrator.submit
        self._answered = answered
        self._count = count
        self.unanswered = 0
        # Characters with a request under way, and what waits for its end.
        self._busy: dict[str, deque[Job] | None] = {}
        self._sent: deque[tuple[Job, Submitted]] = deque()
        self._unsent: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._finishing = False
        self._failure: BaseException | None = None
        self._wake: asyncio.Future[None] | None = None

    def put(self, job: Job) -> None:
        """Take a request, and begin with it unless its character has one under way."""
        self.unanswered += 1
        busy, char_id = self._busy, job.char_id
        if char_id in busy:
            waiting = busy[char_id]
            if waiting is None:
                busy[char_id] = deque((job,))
            else:
                waiting.append(job)
            return
        busy[char_id] = None
        if (answer := self._begin(job)) is not None:
            self._end(job, answer)

    def finish(self) -> None:
        """No more will be put: let ``run`` return when all is answered."""
        self._finishing = True
        self._awake()

    async def run(self) -> None:
        """Take the answers, until after ``finish`` there is nothing left to answer.

        Raises what ``answered`` raises.
        """
        sent = self._sent
        try:
            while self.unanswered or not self._finishing:
                if not sent:
                    if self._failure is not None:
                        raise self._failure
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    continue
                job, submitted = sent.popleft()
                try:
                    result = await submitted
                except SessionNotLive:
                    self._apart(job, None, live=False)
                except Exception as error:
                    self._end(job, problem_of(job, error))
                else:
                    self._end(job, of_result(result, job.call))
                if self._unsent:
                    self._refill()
        finally:
            for task in self._tasks:
                task.cancel()

    def _begin(self, job: Job) -> Problem | None:
        """Send it, or have it carried out apart; its answer if it has one already."""
        if len(self._sent) >= SENT_MAX:
            self._unsent.append(job)
            return None
        if job.dry_run:
            self._apart(job, None)
            return None
        try:
            submitted = self._submit(job.char_id, job.commands, job.call)
        except Exception as error:
            return problem_of(job, error)
        if submitted.quick:
            self._sent.append((job, submitted))
            if self._wake is not None:
                self._awake()
        else:
            self._apart(job, submitted)
        return None

    def _refill(self) -> None:
        while self._unsent and len(self._sent) < SENT_MAX:
            job = self._unsent.popleft()
            if (answer := self._begin(job)) is not None:
                self._end(job, answer)

    def refuse(self, job: Job, problem: Problem) -> None:
        """Answer a request that is not to be carried out."""
        if self._count is not None:
            self._count(job, problem)
        self._answered(job, problem.document())

    def _end(self, job: Job, answer: bytes | Problem) -> None:
        """Give the answer, and begin with what its character has waiting."""
        while True:
            self.unanswered -= 1
            if self._count is not None:
                self._count(job, answer)
            self._answered(job, answer if isinstance(answer, bytes) else answer.document())
            waiting = self._busy[job.char_id]
            if not waiting:
                del self._busy[job.char_id]
                break
            job = waiting.popleft()
            begun = self._begin(job)
            if begun is None:
                break
            answer = begun
        if self._finishing and not self.unanswered:
            self._awake()

    def _apart(self, job: Job, submitted: Submitted | None, *, live: bool = True) -> None:
        task = asyncio.get_running_loop().create_task(self._carried_out(job, submitted, live=live))
        self._tasks.add(task)
        task.add_done_callback(self._apart_ended)

    def _apart_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            # What carries a request out never fails, so this is of our own making, and ends the rest.
            self._failure = failure
            self._awake()

    async def _carried_out(self, job: Job, submitted: Submitted | None, *, live: bool) -> None:
        self._end(job, await self._carrier.carry_out(job, submitted, live=live))

    def _awake(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)
