"""Requests under way at once: what is sent when, who waits for whom, and what each is answered."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import pytest

from engine.commands import LockRequest
from engine.refusals import Refusal, RefusalCode
from gateway.http.addressed import Job
from gateway.middleware import LOADS_MAX
from gateway.stream.carrier import LOADS_AT_ONCE, Carrier
from gateway.stream.lanes import SENT_MAX, Lanes
from persistence.errors import CharacterNotFound, InvalidWords, OutcomeUnknown
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, TagMismatch
from tests.gateway.expect import check
from tests.gateway.held import HeldStandIn
from tests.gateway.standin import SWORD_ID

CALL = Call(by="service")


def char(number: int) -> str:
    return str(UUID(int=number))


class Run:
    """Lanes over a held stand-in; ``answers`` has the tickets and texts in the order of the answers."""

    def __init__(self) -> None:
        self.below = HeldStandIn()
        self.answers: list[tuple[Any, bytes]] = []
        self.lanes = Lanes(Carrier(cast(InventoryOrchestrator, self.below)), self._answered)
        self.running = asyncio.create_task(self.lanes.run())

    def _answered(self, job: Job, answer: bytes) -> None:
        self.answers.append((job.ticket, answer))

    def put(self, number: int, ticket: Any, *, dry_run: bool = False, call: Call = CALL) -> None:
        self.lanes.put(Job(char(number), (LockRequest(SWORD_ID),), call, ticket, dry_run=dry_run))

    @property
    def tickets(self) -> list[Any]:
        return [ticket for ticket, _ in self.answers]

    @property
    def asked_of(self) -> list[int]:
        return [UUID(asked.char_id).int for asked in self.below.asked]


async def settled() -> None:
    """Whatever can go on without a test's doing has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    run = Run()
    yield run
    run.lanes.finish()
    await asyncio.wait_for(run.running, 10)
    assert run.lanes.unanswered == 0


async def test_characters_do_not_wait_for_each_other(run: Run) -> None:
    for number in (1, 2, 3):
        run.put(number, number)
    # Handed in at once, without a turn of the loop between.
    assert run.asked_of == [1, 2, 3]
    for asked in run.below.asked:
        asked.answer(b"{}")
    await settled()
    assert run.answers == [(1, b"{}"), (2, b"{}"), (3, b"{}")]


async def test_a_characters_next_request_waits_for_the_answer_before_it(run: Run) -> None:
    run.put(1, "a")
    run.put(1, "b")
    run.put(1, "c")
    await settled()
    assert run.asked_of == [1]
    run.below.asked[0].answer(b"{}")
    await settled()
    assert run.tickets == ["a"] and run.asked_of == [1, 1]
    run.below.asked[1].answer(Refusal(RefusalCode.ITEM_NOT_FOUND, {}))
    await settled()
    run.below.asked[2].answer(b"{}")
    await settled()
    assert run.tickets == ["a", "b", "c"]


async def test_order_holds_over_a_load_and_others_do_not_wait_for_it(run: Run) -> None:
    run.below.not_live_ids = {char(1)}
    run.below.loads_are_held = True
    for number, ticket in ((1, "a"), (1, "b"), (2, "c"), (2, "d"), (1, "e")):
        run.put(number, ticket)
    await settled()
    assert run.below.loaded == [char(1)]
    run.below.asked[0].answer(b"{}")
    await settled()
    run.below.asked[1].answer(b"{}")
    await settled()
    assert run.tickets == ["c", "d"]
    # Somebody else's load comes first: the session is live, and still "b" does not overtake "a".
    run.below.not_live_ids.clear()
    run.put(1, "f")
    await settled()
    assert run.asked_of == [2, 2]
    run.below.loading[char(1)].set_result(None)
    for count in range(3, 7):
        await run.below.until_asked(count)
        run.below.asked[-1].answer(b"{}")
    await settled()
    assert run.tickets == ["c", "d", "a", "b", "e", "f"]


async def test_what_is_not_quick_holds_up_nobody(run: Run) -> None:
    run.below.quick = False
    run.put(1, "slow")
    run.below.quick = True
    run.put(2, "quick")
    run.put(1, "after slow")
    await settled()
    asked = {asked.char_id: asked for asked in run.below.asked}
    asked[char(2)].answer(b"{}")
    await settled()
    assert run.tickets == ["quick"]
    asked[char(1)].answer(b"{}")
    await run.below.until_asked(3)
    run.below.asked[2].answer(b"{}")
    await settled()
    assert run.tickets == ["quick", "slow", "after slow"]


async def test_so_many_are_sent_at_once_and_no_more(run: Run) -> None:
    for number in range(SENT_MAX + 50):
        run.put(number, number)
    assert len(run.below.asked) == SENT_MAX
    for asked in run.below.asked[:10]:
        asked.answer(b"{}")
    await settled()
    # One is in the hands of the coroutine that takes the answers.
    assert SENT_MAX + 10 <= len(run.below.asked) <= SENT_MAX + 11
    for number in range(10, SENT_MAX + 50):
        await run.below.until_asked(number + 1)
        run.below.asked[number].answer(b"{}")
    await settled()
    assert run.tickets == list(range(SENT_MAX + 50))


async def test_loads_do_not_keep_the_living_from_being_sent(run: Run) -> None:
    run.below.not_live_ids = {char(number) for number in range(SENT_MAX)}
    run.below.loads_are_held = True
    for number in range(SENT_MAX + 1):
        run.put(number, number)
    await run.below.until_asked(1)
    run.below.asked[0].answer(b"{}")
    await settled()
    assert run.tickets == [SENT_MAX]
    run.below.loads_are_held = False
    for loading in list(run.below.loading.values()):
        loading.set_result(None)
    await run.below.until_asked(SENT_MAX + 1)
    for asked in run.below.asked[1:]:
        asked.answer(b"{}")


async def test_loads_at_once_are_bounded(run: Run) -> None:
    count = 2 * LOADS_AT_ONCE + 5
    run.below.not_live_ids = {char(number) for number in range(count)}
    run.below.loads_are_held = True
    for number in range(count):
        run.put(number, number)
    done = 0
    while done < count:
        await settled()
        assert run.below.loading
        for loading in list(run.below.loading.values()):
            loading.set_result(None)
            done += 1
    await run.below.until_asked(count)
    for asked in run.below.asked:
        asked.answer(b"{}")
    assert run.below.loads_at_once == LOADS_AT_ONCE


async def test_what_raises_at_once_is_answered_and_the_next_one_goes_on(run: Run) -> None:
    run.put(1, "first")
    for ticket in range(5_000):
        run.put(1, ticket)
    run.put(1, "last")
    run.below.answer = InvalidWords(["class: bard"])
    run.below.asked[0].answer(b"{}")
    await settled()
    assert run.tickets == ["first", *range(5_000), "last"]
    check(json.loads(run.answers[-1][1]), 400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Refusal(RefusalCode.SLOT_OCCUPIED, {"slot": 1}, 2), 422, "SLOT_OCCUPIED"),
        (TagMismatch("1.9"), 412, "TAG_MISMATCH"),
        (OutcomeUnknown("lost"), 503, "OUTCOME_UNKNOWN"),
        (RuntimeError("a bug"), 500, "INTERNAL"),
    ],
)
async def test_an_outcome_is_told(
    run: Run,
    outcome: Refusal | TagMismatch | Exception,
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL + 1 if code != "INTERNAL" else logging.ERROR)
    run.put(1, "a", call=Call(by="service", request_id="the-request", if_match="1.8"))
    run.below.asked[0].answer(outcome)
    await settled()
    document = json.loads(run.answers[0][1])
    check(document, status, code)
    if code == "INTERNAL":
        assert document["params"] == {"request_id": "the-request"}
        assert "the-request" in caplog.text and "a bug" in caplog.text
    if code == "TAG_MISMATCH":
        assert document["params"] == {"tag": "1.9", "expected": "1.8"}


async def test_a_load_that_fails_is_the_answer(run: Run) -> None:
    run.below.not_live_ids = {char(1)}
    run.below.load_error = CharacterNotFound(char(1))
    run.put(1, "a")
    run.put(1, "b")
    await settled()
    assert run.tickets == ["a", "b"]
    check(json.loads(run.answers[0][1]), 404, "CHARACTER_NOT_FOUND")


async def test_a_session_that_cannot_be_kept_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class NeverLive(set[str]):
        def discard(self, element: str) -> None:
            """It is evicted as soon as it is loaded."""

    run.below.not_live_ids = NeverLive({char(1)})
    run.put(1, "a")
    await settled()
    check(json.loads(run.answers[0][1]), 503, "UNAVAILABLE")
    assert run.below.loaded == [char(1)] * LOADS_MAX


async def test_a_preview_is_carried_out_apart(run: Run) -> None:
    """The stand-in's session is another character's: what a preview of this one finds is that."""
    run.put(1, "a", dry_run=True)
    await settled()
    check(json.loads(run.answers[0][1]), 404, "CHARACTER_NOT_FOUND")
    assert not run.below.asked


async def test_cancelling_takes_what_is_apart_with_it() -> None:
    run = Run()
    run.below.quick = False
    run.put(1, "a")
    await settled()
    run.running.cancel()
    await settled()
    assert run.below.asked[0].future.cancelled()
