"""The table of paths, found without trying one pattern after another.

aiohttp matches the dynamic paths of a common beginning in turn: with the fifteen of a character
the last one's turn took a third of the time of a request. Here a path is split once and looked
up. What is not in the table has a route too, so that no answer goes around the gate; it is the
gate that asks for the token and turns errors into problems, as a wrapper around each handler.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NoReturn

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_urldispatcher import AbstractResource, AbstractRoute, ResourceRoute, UrlMappingMatchInfo
from yarl import URL

from gateway.http.operation import Operation
from gateway.http.problems import Problem, invalid
from gateway.middleware import Gate
from gateway.operations.parts import CHARACTER, DOCS_FILE, ITEM, TEMPLATE

_CHARACTERS: Final = CHARACTER.partition("{")[0]
_ITEMS: Final = ITEM.removeprefix(f"{CHARACTER}/").partition("{")[0]
_TEMPLATES: Final = TEMPLATE.partition("{")[0]
_DOCS_FILES: Final = DOCS_FILE.partition("{")[0]

_Methods = dict[str, ResourceRoute]


class Routes(AbstractResource):
    """All paths of the application.

    Four parts vary: the character's id and the id of one of its items, a segment each, the template's, all
    of the rest, because template ids may have slashes in them, and the name of a file of the docs.
    """

    def __init__(self, gate: Gate) -> None:
        """Begin with no paths; every handler is put behind ``gate``."""
        super().__init__()
        self._gate = gate
        self._fixed: dict[str, _Methods] = {}
        self._of_a_character: dict[str, _Methods] = {}
        self._of_an_item: _Methods = {}
        self._of_a_template: _Methods = {}
        self._of_a_docs_file: _Methods = {}
        self._missing = self._route("*", _missing)
        self._missing_outside = self._route("*", _missing, is_open=True)

    def add(self, operation: Operation, handler: Handler) -> None:
        """Add an operation: at a fixed path, or one of those that vary."""
        method, path = operation.method, operation.path
        if path == ITEM:
            methods = self._of_an_item
        elif path.startswith(CHARACTER):
            methods = self._of_a_character.setdefault(path.removeprefix(CHARACTER), {})
        elif path == TEMPLATE:
            methods = self._of_a_template
        elif path == DOCS_FILE:
            methods = self._of_a_docs_file
        else:
            assert "{" not in path, path
            methods = self._fixed.setdefault(path, {})
        # HEAD is answered wherever GET is, as HTTP wants it.
        for name in ("GET", "HEAD") if method == "GET" else (method,):
            assert name not in methods, (name, path)
            methods[name] = self._route(name, handler, operation, is_open=operation.scope is None)

    def handler(self, otherwise: Handler) -> Handler:
        """What handles every request, for a server without an application's middlewares and signals.

        ``otherwise`` is the application's own way, by ``resolve``, for what is seldom asked.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            match, methods = self._find(path := request.rel_url.path_safe)
            route = methods.get(request.method)
            if not path:
                # A CONNECT has none, and aiohttp would answer it without asking here.
                match, route = {"allow": ""}, self._missing_outside
            if route is None or "Expect" in request.headers:
                return await otherwise(request)
            request._match_info = UrlMappingMatchInfo(match, route)
            return await route.handler(request)

        return handle

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        """The route of a request; there is always one."""
        path = request.rel_url.path_safe
        match, methods = self._find(path)
        if (route := methods.get(request.method)) is not None:
            return UrlMappingMatchInfo(match, route), set()
        # Who has no token is told of missing paths only outside the API.
        inside = path == "/v1" or path.startswith("/v1/")
        route = self._missing if inside else self._missing_outside
        return UrlMappingMatchInfo({"allow": ", ".join(sorted(methods))}, route), set()

    def _find(self, path: str) -> tuple[dict[str, str], Mapping[str, ResourceRoute]]:
        if path.startswith(_CHARACTERS):
            char_id, slash, below = path[len(_CHARACTERS) :].partition("/")
            methods = self._of_a_character.get(slash + below) if char_id else {}
            if methods is not None:
                return {"char_id": char_id}, methods
            item_id = below[len(_ITEMS) :] if below.startswith(_ITEMS) else ""
            # A slash that is written as %2F is a wrong id; one that is a slash, another path.
            methods = self._of_an_item if item_id and "/" not in item_id else {}
            return {"char_id": char_id, "item_id": item_id}, methods
        if path.startswith(_TEMPLATES) and path != _TEMPLATES:
            # The only two that yarl leaves escaped, lest a path be cut in other places.
            template_id = path[len(_TEMPLATES) :].replace("%2F", "/").replace("%25", "%")
            return {"template_id": template_id}, self._of_a_template
        if path.startswith(_DOCS_FILES):
            return {"file": path[len(_DOCS_FILES) :]}, self._of_a_docs_file
        return {}, self._fixed.get(path, {})

    def _route(
        self, method: str, handler: Handler, operation: Operation | None = None, *, is_open: bool = False
    ) -> ResourceRoute:
        guarded = self._gate.guarded(handler, operation, is_open=is_open)
        return ResourceRoute(method, guarded, self, expect_handler=_expect_continue)

    @property
    def canonical(self) -> str:
        """Where the dispatcher files it: at the root, which it tries for every path."""
        return "/"

    def raw_match(self, path: str) -> bool:
        """Never: nothing else is added to the same path."""
        return False

    def get_info(self) -> NoReturn:
        """Not asked for."""
        raise NotImplementedError

    def add_prefix(self, prefix: str) -> NoReturn:
        """Not to be mounted below another application."""
        raise NotImplementedError

    def url_for(self, **kwargs: str) -> URL:
        """The root; paths are not made by name here."""
        return URL("/")

    def __iter__(self) -> Iterator[AbstractRoute]:
        """All routes."""
        tables = (
            *self._fixed.values(),
            *self._of_a_character.values(),
            self._of_an_item,
            self._of_a_template,
            self._of_a_docs_file,
        )
        return (route for methods in tables for route in methods.values())

    def __len__(self) -> int:
        """How many routes."""
        return sum(1 for _ in self)


ROUTES: Final = web.AppKey("routes", Routes)


async def _missing(request: web.Request) -> NoReturn:
    if allowed := request.match_info["allow"]:
        raise Problem("METHOD_NOT_ALLOWED", params={"allow": allowed}, headers={"Allow": allowed})
    raise Problem("NOT_FOUND")


async def _expect_continue(request: web.Request) -> web.StreamResponse | None:
    """Answer ``Expect: 100-continue`` by going on, and any other expectation by a problem."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return invalid("Expect", "nothing but 100-continue can be expected").response()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # Or aiohttp would take the reply for begun, and break off where an error is to be told.
    request.writer.output_size = 0
    return None
