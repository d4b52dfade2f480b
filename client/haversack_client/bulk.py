"""Requests of many characters in as few bodies as may be, each with its result."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from haversack_client.bounds import normal_char_id
from haversack_client.bulk_plan import Body, Part, bodies_of
from haversack_client.caller import Caller, encode
from haversack_client.conditions import checked_key, new_key
from haversack_client.errors import HaversackError, InvalidRequest, OutcomeUnknown, UnexpectedAnswer
from haversack_client.inventory import Reply
from haversack_client.problem_documents import ProblemDocument, problem_of
from haversack_client.repeating import until_answered
from haversack_client.requests import Request
from haversack_client.transport import decoded

Result = Reply | HaversackError

_BLAMED: Final = re.compile(r"requests\[([0-9]+)\]")


class _Replies(Struct):
    replies: list[Raw]


class _Code(Struct):
    code: str = ""


_replies = msgspec.json.Decoder(_Replies)
_code = msgspec.json.Decoder(_Code)
_reply = msgspec.json.Decoder(Reply)
_problem = msgspec.json.Decoder(ProblemDocument)


class Bulk:
    """One call of many requests; ``results`` are in their order."""

    def __init__(
        self, caller: Caller, requests: Iterable[Request], *, at_once: int, timeout_s: float | None
    ) -> None:
        """``at_once`` bodies are under way at a time, ``ValueError`` for none; ``timeout_s`` is for each."""
        if at_once < 1:
            raise ValueError(f"bodies_at_once: expected 1 or more, got {at_once}")
        self._caller = caller
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(at_once)
        self._keys: list[str] = []
        parts = []
        for index, request in enumerate(requests):
            char_id = normal_char_id(request.char_id)
            key = request.idempotency_key
            key = new_key() if key is None else checked_key(key)
            self._keys.append(key)
            text = encode(msgspec.structs.replace(request, char_id=char_id, idempotency_key=key))
            parts.append(Part(index, char_id, text))
        self._bodies = bodies_of(parts)
        self._results: list[Result | None] = [None] * len(parts)

    async def run(self) -> list[Result]:
        """Send all, and return the results."""
        tasks: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            for body in self._bodies:
                before = [tasks[index] for index in body.after]
                tasks.append(group.create_task(self._carry(body, before)))
        results = [result for result in self._results if result is not None]
        assert len(results) == len(self._results)
        return results

    async def _carry(self, body: Body, before: list[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        async with self._room:
            ends = self._caller.timing.ends(self._timeout_s)
            unanswered = _Unanswered(self._caller, body.parts, self._results, self._keys)
            try:
                async with self._caller.windows.places(Counter(body.counts), ends):
                    await until_answered(unanswered.attempt, self._caller.timing, ends)
            except HaversackError as error:
                unanswered.give_up(error)


class _Unanswered:
    """What of a body has no lasting answer yet."""

    def __init__(
        self, caller: Caller, parts: list[Part], results: list[Result | None], keys: list[str]
    ) -> None:
        self._caller = caller
        self._parts = parts
        self._results = results
        self._keys = keys
        self._in_doubt: set[int] = set()
        self._said: dict[int, HaversackError] = {}

    async def attempt(self, left_s: float) -> None:
        """Send it once; raises what keeps part of it without an answer, and is to be repeated."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + left_s
        while self._parts:
            timeout_s = min(ends - loop.time(), self._caller.timing.attempt_timeout_s)
            body = b'{"requests":[%b]}' % b",".join(part.text for part in self._parts)
            try:
                answer = await self._caller.transport.exchange(
                    "POST", "/v1/execute", body=body, timeout_s=timeout_s
                )
                passing = self._take(decoded(_replies, answer.body).replies)
            except InvalidRequest as error:
                if not self._blame(error):
                    raise
                # Nothing of the body was done, and all the others are as they should be.
                continue
            except HaversackError as error:
                if error.may_have_been_done:
                    self._in_doubt.update(part.place for part in self._parts)
                raise
            if passing is not None:
                raise passing
            return

    def give_up(self, error: HaversackError) -> None:
        """Whatever has no lasting answer gets what is known of it."""
        for part in self._parts:
            # What it said in passing before is told where the end is no more lasting.
            said = self._said.get(part.place, error) if error.transient else error
            self._results[part.place] = self._unknown(part, said) if part.place in self._in_doubt else said

    def _unknown(self, part: Part, cause: HaversackError) -> OutcomeUnknown:
        unknown = OutcomeUnknown(self._keys[part.place])
        unknown.__cause__ = cause
        return unknown

    def _take(self, answers: list[Raw]) -> HaversackError | None:
        """Keep what lasts; what may be repeated is left, and one such error returned."""
        if len(answers) != len(self._parts):
            raise UnexpectedAnswer(f"{len(answers)} answers to {len(self._parts)} requests")
        left, passing = [], None
        for part, answer in zip(self._parts, answers, strict=True):
            result = _result(answer)
            if isinstance(result, HaversackError):
                if result.may_have_been_done:
                    self._in_doubt.add(part.place)
                if result.transient:
                    left.append(part)
                    self._said[part.place] = passing = result
                    continue
                if part.place in self._in_doubt and not result.settles:
                    result = self._unknown(part, result)
            self._results[part.place] = result
        self._parts = left
        return passing

    def _blame(self, error: InvalidRequest) -> bool:
        """Give the error to the one request that it is about."""
        found = _BLAMED.match(str(error.params.get("path", "")))
        if found is None or int(found[1]) >= len(self._parts):
            return False
        self._results[self._parts.pop(int(found[1])).place] = error
        return True


def _result(answer: Raw) -> Result:
    if decoded(_code, answer).code:
        return problem_of(decoded(_problem, answer))
    return decoded(_reply, answer)
