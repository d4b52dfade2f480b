"""What an attempt has come to that has not come to an answer."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Final, NamedTuple, Self

import aiohttp
import msgspec

from haversack_client.errors import HaversackError, NoAnswer, NotReached, UnexpectedAnswer
from haversack_client.problem_documents import ProblemDocument, problem_of, problem_of_status

PROBLEM_TYPE: Final = "application/problem+json"
# What a proxy answers that has lost the service; whether the request came through, it cannot say.
_LOST_BY_A_PROXY: Final = frozenset({502, 503, 504})

_document = msgspec.json.Decoder(ProblemDocument).decode


class Answer(NamedTuple):
    """A status, and what came with it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ToldAsOurs:
    """Has what goes wrong raised as ``NotReached`` or, once a request was ``sent``, as ``NoAnswer``."""

    def __init__(self, *, sent: bool = False) -> None:
        """``sent``: whether a request is on its way already."""
        self.sent = sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case None | HaversackError():
                return
            case aiohttp.ClientSSLError():
                raise NotReached(f"no secure connection: {error}", transient=False) from error
            case aiohttp.ClientConnectorError():
                raise NotReached(f"no connection: {error}") from error
            case TimeoutError() if self.sent:
                raise NoAnswer("no answer in time") from error
            case TimeoutError():
                raise NotReached("no connection in time") from error
            case aiohttp.ClientError() | OSError():
                kind_of_loss = NoAnswer if self.sent else NotReached
                raise kind_of_loss(f"the connection broke off: {error!r}") from error


def noting_what_is_sent() -> aiohttp.TraceConfig:
    """A request that has not begun to go out, as one that waits for a connection, was certainly not done."""

    async def note(_: object, context: SimpleNamespace, __: object) -> None:
        told = context.trace_request_ctx
        if told is not None:
            told.sent = True

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(note)
    return tracing


def error_of(answer: Answer) -> HaversackError:
    """What an answer stands for that is not one of those wanted."""
    status, headers = answer.status, answer.headers
    request_id = headers.get("X-Request-Id", "")
    retry_after_s = _seconds(headers.get("Retry-After", ""))
    if headers.get("Content-Type", "").partition(";")[0].strip() == PROBLEM_TYPE:
        try:
            document = _document(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The document of a refused handshake is not to be had. One that is there and not the service's
            # says nothing of whether the service has done it.
            problem = problem_of_status(status, request_id=request_id, retry_after_s=retry_after_s)
            if problem is not None and not answer.body:
                return problem
        else:
            return problem_of(document, request_id=request_id, retry_after_s=retry_after_s)
    if status in _LOST_BY_A_PROXY:
        return NoAnswer(f"something before the service answered {status}")
    return UnexpectedAnswer(f"status {status} without a problem document")


def _seconds(text: str) -> float:
    # The other form, a date, is nothing that this service sends.
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0.0
