"""The life of the catalog: a new one is taken, its versions are told, and where it comes from."""

import asyncio
import logging
import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, TypeVar

from aiohttp import web
from msgspec import Struct

from engine.refusals import Param
from gateway.http import requests
from gateway.http.conditions import dry_run
from gateway.http.identity import IDENTITY
from gateway.http.problems import RETRY_AFTER, Problem, Violation, invalid, shortened
from gateway.http.responses import encode, json_reply, tagged_reply
from persistence.errors import CatalogChanged, CatalogError, TemplateInUse, Unavailable
from persistence.items.catalog_content import CatalogContent, LinesReader
from persistence.items.catalog_diff import CatalogDiff
from persistence.items.catalog_store import replace_catalog
from persistence.items.catalog_versions import CatalogVersion, catalog_versions
from persistence.items.follower import FeedState
from persistence.items.item_service import CATALOG_BYTES_MAX
from persistence.orchestrator import InventoryOrchestrator

MEDIA_TYPES: Final = ("application/x-ndjson", "application/jsonl")
# How long the next piece of a body may take, and all of it.
SILENCE_S: Final = 30.0
UPLOAD_S: Final = 600.0
_VERSION: Final = re.compile(r'("?)(0|[1-9][0-9]{0,17})\1')
_CURSOR: Final = re.compile(r"[1-9][0-9]{0,17}")
_PLACE: Final = re.compile(r"line ([0-9]+)")

_log = logging.getLogger("haversack.gateway")

T = TypeVar("T")


class CatalogVersionList(Struct, frozen=True):
    """A page of versions, newest first; ``cursor`` begins the next page, null on the last."""

    versions: list[CatalogVersion]
    cursor: str | None


class CatalogSourceView(Struct, frozen=True):
    """The item service that the catalog is kept as, and how that stands; null where there is none."""

    source: FeedState | None


class CatalogGateway:
    """Handlers of ``PUT /v1/catalog`` and of what is below that path."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Change the catalog of ``orchestrator``."""
        self._orchestrator = orchestrator
        self._uploading = False

    async def replace(self, request: web.Request) -> web.Response:
        """``PUT /v1/catalog``: JSON Lines that become the catalog, whole or not at all; ``?dry_run=true``.

        The reply is the diff, whose version is the catalog's then. One upload at a time in a process: all
        of it is in memory before any of it counts.
        """
        for name in ("Idempotency-Key", "Inventory-Durability"):
            if name in request.headers:
                raise invalid(name, "this call does not take the header")
        only_asked, expected = dry_run(request), _expected(request)
        if request.content_type not in MEDIA_TYPES or (request.charset or "utf-8").lower() != "utf-8":
            raise Problem(
                "UNSUPPORTED_MEDIA_TYPE", f"A catalog is sent as {MEDIA_TYPES[0]}, a template on each line."
            )
        requests.check_unpacked(request)
        if self._uploading:
            raise Problem("CONFLICT", "Another catalog is being sent here.", headers=RETRY_AFTER)
        self._uploading = True
        try:
            content = await _told(_content(request, LinesReader(self._orchestrator.ruleset)))
            diff = await _told(self._replace(content, request[IDENTITY].name, expected, only_asked))
        finally:
            self._uploading = False
        return tagged_reply(encode(diff), str(diff.base if only_asked else diff.version))

    async def _replace(
        self, content: CatalogContent, by: str, expected: int | None, only_asked: bool
    ) -> CatalogDiff:
        orchestrator = self._orchestrator
        diff = await replace_catalog(
            orchestrator.store, content, by=by, expected=expected, dry_run=only_asked
        )
        if not only_asked and diff.version != diff.base:
            _log.info("catalog %d comes from %s", diff.version, by)
            # It counts already, and would be noticed within a second; the caller should find it here now.
            with suppress(Unavailable):
                await orchestrator.items.refresh()
        return diff

    async def versions(self, request: web.Request) -> web.Response:
        """``GET /v1/catalog/versions?limit=&cursor=``: what the catalog has been, the newest first."""
        query = requests.plain(request, "limit", "cursor")
        limit, cursor = requests.limit(query), query.get("cursor")
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise invalid("cursor", "expected the cursor of an earlier page")
        before = None if cursor is None else int(cursor)
        # One more than asked for tells whether there is a next page.
        found = await catalog_versions(self._orchestrator.store.database, before, limit + 1)
        page = found[:limit]
        return json_reply(
            encode(CatalogVersionList(page, str(page[-1].version) if len(found) > limit else None))
        )

    async def source(self, request: web.Request) -> web.Response:
        """``GET /v1/catalog/source``: how following an item service stands."""
        requests.plain(request)
        feed = self._orchestrator.items.feed
        return json_reply(encode(CatalogSourceView(None if feed is None else await feed.state())))


def _expected(request: web.Request) -> int | None:
    """The version of ``If-Match``, None for any."""
    value = requests.header(request, "If-Match")
    if value is None or value == "*":
        return None
    if not (found := _VERSION.fullmatch(value)):
        raise invalid("If-Match", "expected the entity tag of the catalog, or *")
    return int(found[2])


async def _content(request: web.Request, reader: LinesReader) -> CatalogContent:
    """Read the body as it comes; no more of it is kept than the templates it has."""
    size = 0
    try:
        async with asyncio.timeout(UPLOAD_S):
            while True:
                async with asyncio.timeout(SILENCE_S):
                    piece = await request.content.readany()
                size += len(piece)
                if size > CATALOG_BYTES_MAX:
                    raise Problem("BODY_TOO_LARGE")
                if not piece or not await reader.read(piece):
                    break
    except TimeoutError:
        raise Problem("REQUEST_TIMEOUT") from None
    # In a thread, where it is one long hash that is made.
    return await asyncio.to_thread(reader.end)


async def _told(work: Awaitable[T]) -> T:
    """What the work answers, or the problem that its error is."""
    try:
        return await work
    except CatalogError as error:
        raise _not_a_catalog(error) from None
    except TemplateInUse as error:
        raise _in_use(error) from None
    except CatalogChanged as error:
        raise Problem(
            "TAG_MISMATCH",
            f"The catalog is at version {error.version} by now.",
            params={"tag": str(error.version), "expected": str(error.expected)},
            headers={"ETag": f'"{error.version}"'},
        ) from None


def _not_a_catalog(error: CatalogError) -> Problem:
    violations = [Violation("INVALID_REQUEST", _params(text)) for text in error.errors]
    more = "" if len(violations) == 1 else f" ({len(violations)} problems are listed)"
    return Problem(
        "INVALID_REQUEST",
        f"{shortened(error.errors[0])}{more}.",
        params=violations[0].params,
        violations=violations,
    )


def _params(text: str) -> dict[str, Param]:
    """A problem as ``line 3: facts.kind: what is wrong with it``, taken apart."""
    place, _, rest = text.partition(": ")
    path, _, message = rest.partition(": ")
    if not (line := _PLACE.fullmatch(place)) or not message:
        return {"path": "$", "problem": shortened(text)}
    return {"path": shortened(path), "line": int(line[1]), "problem": shortened(message)}


def _in_use(error: TemplateInUse) -> Problem:
    return Problem(
        "TEMPLATE_IN_USE",
        params={"templates": error.total},
        violations=[
            Violation(
                "TEMPLATE_IN_USE",
                {"template_id": template_id, "characters": characters, "items": items},
            )
            for template_id, (characters, items) in error.in_use.items()
        ],
    )
