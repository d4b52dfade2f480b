"""Every error has its code, and no error tells what is none of the caller's business."""

import logging

import pytest

from engine.refusals import Refusal, RefusalCode
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.http.problems import of_persistence_error, of_refusal
from persistence import errors
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, CHAR_ID, HERB_ID, StandIn

DROP = {"item_id": HERB_ID}
NOT_RULES = {
    "ITEM_NOT_FOUND": 404,
    "UNKNOWN_TEMPLATE": 404,
    "UNKNOWN_CONTAINER": 404,
    "UNKNOWN_SLOT": 404,
    "ITEM_HELD": 409,
    "ITEM_LOCKED": 409,
    "FROZEN": 409,
    "ALREADY_EXISTS": 409,
    "IDEMPOTENCY_MISMATCH": 422,
}


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status(code: RefusalCode) -> None:
    response = of_refusal(Refusal(code, {})).response()
    assert response.status == NOT_RULES.get(code.value, 422)


def test_titles_are_sentences_without_an_end() -> None:
    for code, kind in PROBLEM_KINDS.items():
        assert code == code.upper() and 400 <= kind.status < 600
        assert kind.title[0].isupper() and not kind.title.endswith(".")
    assert len({kind.title for kind in PROBLEM_KINDS.values()}) == len(PROBLEM_KINDS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.CharacterNotFound(CHAR_ID), 404, "CHARACTER_NOT_FOUND"),
        (errors.CharacterExists(CHAR_ID), 409, "ALREADY_EXISTS"),
        (errors.CharacterQuarantined("none of yours"), 409, "CHARACTER_QUARANTINED"),
        (errors.InvalidWords(["class: pilot"]), 400, "INVALID_REQUEST"),
        (errors.IdempotencyMismatch("none of yours"), 422, "IDEMPOTENCY_MISMATCH"),
        (errors.Unavailable("none of yours"), 503, "UNAVAILABLE"),
        (errors.OutcomeUnknown("none of yours"), 503, "OUTCOME_UNKNOWN"),
        (errors.PersistenceError("none of yours"), 500, "INTERNAL"),
        (ValueError("none of yours"), 500, "INTERNAL"),
        (TimeoutError("none of yours"), 500, "INTERNAL"),
        (ConnectionResetError("none of yours"), 500, "INTERNAL"),
        (RecursionError("none of yours"), 500, "INTERNAL"),
    ],
)
async def test_errors_from_below(
    client: Client, standin: StandIn, error: Exception, status: int, code: str
) -> None:
    standin.answer = error
    response = await client.post(f"{BASE}/inventory/drop", json=DROP)
    document = await problem(response, status, code)
    assert "none of yours" not in str(document)
    assert ("Retry-After" in response.headers) == (code == "UNAVAILABLE")


def test_only_broken_things_have_no_problem_of_their_own() -> None:
    assert of_persistence_error(errors.PersistenceError()) is None


@pytest.mark.parametrize("given", ["r-17", None])
async def test_an_internal_error_is_found_in_the_log(
    client: Client, standin: StandIn, caplog: pytest.LogCaptureFixture, given: str | None
) -> None:
    standin.answer = RuntimeError("the cause")
    headers = {} if given is None else {"X-Request-Id": given}
    with caplog.at_level(logging.ERROR):
        response = await client.post(f"{BASE}/inventory/drop", json=DROP, headers=headers)
    request_id = (await problem(response, 500, "INTERNAL"))["params"]["request_id"]
    assert response.headers["X-Request-Id"] == request_id
    assert given in (None, request_id)
    record = caplog.records[-1]
    assert request_id in record.getMessage()
    assert record.exc_info is not None and str(record.exc_info[1]) == "the cause"


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), (BASE + "/inventory/move", 405)])
async def test_the_request_id_comes_back_with_a_problem(client: Client, path: str, status: int) -> None:
    response = await client.get(path, headers={"X-Request-Id": "r-17"})
    assert (response.status, response.headers["X-Request-Id"]) == (status, "r-17")


async def test_no_reply_tells_what_it_runs_on(client: Client) -> None:
    for path in ("/healthz", "/nothing", f"{BASE}/inventory"):
        assert (await client.get(path)).headers["Server"] == "haversack"
