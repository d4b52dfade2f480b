"""One attempt at one HTTP request: an answer, or the error that it came to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec

from haversack_client.errors import NotReached, UnexpectedAnswer
from haversack_client.transport_errors import Answer, ToldAsOurs, error_of, noting_what_is_sent

Token = str | Callable[[], str]
T = TypeVar("T")


class Transport:
    """The connections to a service, and the token that every request carries."""

    def __init__(
        self, url: str, token: Token, *, connections: int, tls: ssl.SSLContext | None, user_agent: str
    ) -> None:
        """``connections``: exchanges at a time; what goes on and on is not counted among them.

        ``ValueError`` for a URL that is not ``http://`` or ``https://``, a host, and perhaps a path, and
        for less than one connection.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"not the URL of a service: {url}")
        if connections < 1:
            raise ValueError(f"connections: expected 1 or more, got {connections}")
        self._base = url.rstrip("/")
        self._token = token
        self._connections = connections
        self._room = asyncio.Semaphore(connections)
        self._tls = tls
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._was_closed = False

    def open(self) -> None:
        """Make ready; connections are made when they are needed."""
        # The driver's own bound counts what goes on and on, and lets late comers pass those who wait.
        self._room = asyncio.Semaphore(self._connections)
        connector = aiohttp.TCPConnector(limit=0, ssl=True if self._tls is None else self._tls)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trace_configs=[noting_what_is_sent()],
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            self._was_closed = True
            await session.close()

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once; the answer's status is 2xx or 304. ``path`` is escaped already."""
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        with ToldAsOurs() as told:
            async with (
                asyncio.timeout(max(timeout_s, 0.0)),
                self._room,
                await self._request(method, path, sent, told, query=query, body=body) as response,
            ):
                answer = Answer(response.status, response.headers, await response.read())
        if answer.status >= 300 and answer.status != 304:
            raise error_of(answer)
        return answer

    @asynccontextmanager
    async def opened(
        self, path: str, *, timeout_s: float, headers: Mapping[str, str]
    ) -> AsyncIterator["OpenAnswer"]:
        """An answer whose body goes on and on; it has to begin within ``timeout_s``."""
        with ToldAsOurs() as told:
            async with asyncio.timeout(max(timeout_s, 0.0)):
                response = await self._request("GET", path, headers, told)
                if response.status != 200:
                    raise error_of(Answer(response.status, response.headers, await response.read()))
        try:
            yield OpenAnswer(response)
        finally:
            # What has not come yet is not waited for.
            response.close()

    async def websocket(
        self, path: str, *, protocol: str, heartbeat_s: float, timeout_s: float
    ) -> "aiohttp.ClientWebSocketResponse[bool]":
        """A WebSocket that speaks ``protocol``."""
        with ToldAsOurs():
            async with asyncio.timeout(max(timeout_s, 0.0)):
                try:
                    socket = await self._opened_session.ws_connect(
                        self._base + path,
                        protocols=(protocol,),
                        headers=self._authorization(),
                        heartbeat=heartbeat_s,
                        max_msg_size=0,
                        decode_text=False,
                        timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                    )
                except aiohttp.WSServerHandshakeError as error:
                    raise error_of(Answer(error.status, error.headers or {}, b"")) from error
        if socket.protocol != protocol:
            await socket.close()
            raise UnexpectedAnswer(f"the service does not speak {protocol}")
        return socket

    @property
    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None and self._was_closed:
            # What was under way then may have been done, and so is told by errors of ours.
            raise NotReached("the client was closed", transient=False)
        if self._session is None:
            raise RuntimeError("the client is not open: use it as `async with Haversack(…) as client`")
        return self._session

    def _authorization(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}"}

    async def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        told: "ToldAsOurs",
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> aiohttp.ClientResponse:
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return await self._opened_session.request(
            method,
            f"{self._base}{path}{asked}",
            data=body,
            headers={**self._authorization(), **headers},
            # The token is for this service, and for nobody that an answer may name.
            allow_redirects=False,
            trace_request_ctx=told,
        )


class OpenAnswer:
    """An answer that goes on and on."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Its head has come."""
        self._content = response.content

    async def more(self, silence_s: float) -> bytes:
        """What has come since; empty at the end. ``NoAnswer`` for a longer silence, or a lost connection."""
        with ToldAsOurs(sent=True):
            async with asyncio.timeout(silence_s):
                return await self._content.readany()


def decoded(decoder: "msgspec.json.Decoder[T]", body: bytes | msgspec.Raw) -> T:
    """The body as its type; ``UnexpectedAnswer`` for what is none."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnexpectedAnswer(f"the answer cannot be understood: {error}") from error


def as_query(**parameters: Any) -> dict[str, str]:  # noqa: ANN401 - whatever has a text
    """Query parameters; what is None is left out."""
    return {name: str(value) for name, value in parameters.items() if value is not None}
