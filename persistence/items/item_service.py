"""A studio's own item service, from which the whole catalog comes over HTTP."""

import asyncio
from typing import Final, NamedTuple

import aiohttp

from engine.ruleset import Ruleset
from persistence.errors import CatalogError, FeedError
from persistence.items.catalog_content import CatalogContent, LinesReader

CATALOG_BYTES_MAX: Final = 128 * 1024 * 1024
_BLOCK_BYTES: Final = 64 * 1024
_TAG_LENGTH_MAX: Final = 512
_MEDIA_TYPES: Final = "application/x-ndjson, application/jsonl;q=0.9"


class Timeouts(NamedTuple):
    """In seconds: to be connected, between one piece of the answer and the next, and for all of it."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    whole_s: float = 600.0


class Fetched(NamedTuple):
    """A catalog that a service has sent, and the entity tag it had there, empty for none."""

    content: CatalogContent
    tag: str


class ItemService:
    """Asks one URL for a catalog: JSON Lines, as ``haversack catalog import`` takes them.

    No redirect is followed: the token is for that URL. An answer counts only if its end can be told
    from a connection that broke off, and if it has a template in it.
    """

    def __init__(
        self, url: str, token: str | None, ruleset: Ruleset, *, timeouts: Timeouts | None = None
    ) -> None:
        """``token`` is sent as a bearer token; words are ``ruleset``'s."""
        self._url = url
        self._token = token
        self._ruleset = ruleset
        self._timeouts = timeouts or Timeouts()

    async def fetch(self, known: str) -> Fetched | None:
        """The catalog there, None where it is the one whose tag is ``known``.

        Raises ``FeedError``: the service is away, or answers something else; ``CatalogError``: what it
        sends is not a good catalog, with the first twenty problems.
        """
        times = self._timeouts
        timeout = aiohttp.ClientTimeout(
            total=times.whole_s, connect=times.connect_s, sock_read=times.silence_s
        )
        headers = {"Accept": _MEDIA_TYPES, "Accept-Encoding": "identity", "User-Agent": "haversack"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if known:
            headers["If-None-Match"] = known
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.get(self._url, headers=headers, allow_redirects=False) as response,
            ):
                if response.status == 304 and known:
                    return None
                _check(response)
                tag = response.headers.get("ETag", "")
                return Fetched(await self._content(response), tag if _is_tag(tag) else "")
        except TimeoutError as error:
            raise FeedError("it does not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            # Nothing of the request is repeated, in whose headers the token is.
            raise FeedError(f"it cannot be asked: {type(error).__name__}") from error

    async def _content(self, response: aiohttp.ClientResponse) -> CatalogContent:
        reader = LinesReader(self._ruleset)
        size = 0
        async for block in response.content.iter_chunked(_BLOCK_BYTES):
            size += len(block)
            if size > CATALOG_BYTES_MAX:
                raise FeedError(f"its catalog is longer than {CATALOG_BYTES_MAX} bytes")
            if not await reader.read(block):
                break
        return await asyncio.to_thread(reader.end)


def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise FeedError(f"it answers {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        # Of a packed answer, the client does not tell a part from the whole.
        raise FeedError("it packs its answer, although it was asked not to")
    if response.content_length is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
        raise FeedError("it says neither Content-Length nor chunked: a part could pass for the whole")


def _is_tag(tag: str) -> bool:
    return len(tag) <= _TAG_LENGTH_MAX and tag.isascii() and tag.isprintable()


def words_of(error: Exception) -> str:
    """Why a service's catalog was not taken, on one line that can be kept and shown."""
    words = str(error)
    if isinstance(error, CatalogError) and len(error.errors) > 1:
        words = f"{error.errors[0]} (and {len(error.errors) - 1} more)"
    # Words may repeat what the service has sent, and PostgreSQL cannot hold all of that.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
