"""``/openapi.json`` and ``/docs``: the document, and a page that shows it."""

import hashlib
from pathlib import Path
from typing import Final

from aiohttp import web

from engine.ruleset import Ruleset
from gateway.http import requests
from gateway.http.problems import Problem
from gateway.http.responses import SERVER, not_modified
from gateway.openapi.document import openapi_json
from gateway.openapi.viewer import PAGE, START, START_NAME, find_viewer_files

# What is shown may change with the next version, so a browser asks each time whether it has.
_CACHE: Final = "no-cache"
# The page loads what is served beside it and nothing else, runs no script that is written into it, and
# nobody may frame it. The viewer's own sheet has images in "data:", and its parts set styles on elements.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": _CACHE,
    "Server": SERVER,
}


class DocsGateway:
    """Handlers of ``/openapi.json`` and of everything at ``/docs``; nobody needs a token for them."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Make the document for ``ruleset``, and look where the viewer is."""
        self._document = openapi_json(ruleset)
        self._document_tag = _tag(self._document)
        self._files = find_viewer_files()

    async def document(self, request: web.Request) -> web.Response:
        """``GET /openapi.json``; 304 for who has it."""
        requests.plain(request)
        headers = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}
        return _text(request, self._document, self._document_tag, headers)

    async def page(self, request: web.Request) -> web.Response:
        """``GET /docs``: the page; ``NOT_FOUND`` where the viewer is not installed."""
        requests.plain(request)
        if not self._files:
            raise Problem("NOT_FOUND", "The viewer of the API's description is not installed.")
        return _text(request, PAGE, _tag(PAGE), {"Content-Type": "text/html; charset=utf-8"})

    async def file(self, request: web.Request) -> web.StreamResponse:
        """``GET /docs/{file}``: one of the files that the page is made of, and no other."""
        requests.plain(request)
        name = request.match_info["file"]
        if name == START_NAME and self._files:
            return _text(request, START, _tag(START), {"Content-Type": "text/javascript; charset=utf-8"})
        if (found := self._files.get(name)) is None:
            raise Problem("NOT_FOUND")
        return _file(*found)


def _text(request: web.Request, body: bytes, tag: str, headers: dict[str, str]) -> web.Response:
    if (same := not_modified(request, tag)) is not None:
        return same
    return web.Response(body=body, headers={**_PAGE_HEADERS, **headers, "ETag": f'"{tag}"'})


def _file(path: Path, media_type: str) -> web.FileResponse:
    # It tells 304, ranges and sizes by itself.
    return web.FileResponse(path, headers={**_PAGE_HEADERS, "Content-Type": media_type})


def _tag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
