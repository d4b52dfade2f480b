"""Deliveries as signed HTTP requests, after the Standard Webhooks specification."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import aiohttp

from persistence.outbox.entries import Batch
from persistence.outbox.signing import signatures
from persistence.outbox.sink import Delivered, Later, Refused, Verdict

TYPE: Final = "inventory.changes"
TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 5.0
# A receiver may ask for a pause, but not for ever.
RETRY_AFTER_MAX_S: Final = 3600.0
# These say something of the receiver or the way to it, not of what is sent: redirects, which are not
# followed; wrong credentials, paths and methods; time-outs, overload, gateways.
_NOT_OF_THE_CONTENT: Final = frozenset({401, 403, 404, 405, 407, 408, 410, 421, 425, 429, 502, 503, 504})
_TIME_OUTS: Final = frozenset({408, 504})
# So much of an answer is read that the connection can be used again.
_ANSWER_BYTES_MAX: Final = 4096


class WebhookSink:
    """POSTs batches to one URL."""

    def __init__(self, url: str, secrets: Sequence[bytes], *, timeout_s: float = TIMEOUT_S) -> None:
        """Sign by each of ``secrets``; a delivery that takes ``timeout_s`` has failed."""
        self._url = url
        self._secrets = secrets
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, batch: Batch) -> Verdict:
        """One request. 2xx: it was taken. What else there may be: docs/outbox.md."""
        if self._session is None:
            # Neither proxies nor passwords out of the environment, and nothing is kept between requests.
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        body = body_of(batch)
        timestamp_s = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "haversack",
            "webhook-id": batch.id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signatures(self._secrets, batch.id, timestamp_s, body),
        }
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                await response.content.read(_ANSWER_BYTES_MAX)
                return _verdict(response)
        except TimeoutError:
            return Later(f"no answer within {self._timeout.total:g} s", too_slow=True)
        except (aiohttp.ClientError, OSError) as error:
            # Their words may repeat the URL, which may have a secret in it.
            return Later(f"no answer: {type(error).__name__}")

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()


def body_of(batch: Batch) -> bytes:
    """The JSON: ``{"type", "timestamp", "data": {"entries": […]}}``; the same for the same entries."""
    at_s = max(run.last_at for run in batch.runs) / 1000
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entries = b",".join(text for run in batch.runs for text in run.texts)
    return b'{"type":"%s","timestamp":"%s","data":{"entries":[%s]}}' % (TYPE.encode(), at.encode(), entries)


def _verdict(response: aiohttp.ClientResponse) -> Verdict:
    status = response.status
    if 200 <= status < 300:
        return Delivered()
    problem = f"the receiver answers {status}"
    if status < 400 or status in _NOT_OF_THE_CONTENT:
        after_s = _retry_after_s(response.headers.get("Retry-After", ""))
        return Later(problem, after_s, too_slow=status in _TIME_OUTS)
    return Refused(problem)


def _retry_after_s(text: str) -> float:
    # A date is allowed as well; who sends one is asked again by our own measure.
    return min(float(text), RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0
