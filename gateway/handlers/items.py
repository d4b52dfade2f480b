"""Item templates and the catalog they come from."""

import re
from typing import Any

from aiohttp import web
from msgspec import Struct, structs

from engine.bounds import TEMPLATE_ID_PATTERN
from gateway.http import requests
from gateway.http.problems import Problem, invalid
from gateway.http.responses import encode, json_reply, not_modified, tagged_reply
from persistence.items.catalog import Template
from persistence.orchestrator import InventoryOrchestrator

_TEMPLATE_ID = re.compile(TEMPLATE_ID_PATTERN)


class TemplateView(Struct, frozen=True):
    """A template; ``facts`` has every fact, empty ones as empty or null."""

    template_id: str
    facts: dict[str, Any]
    data: dict[str, Any]


class TemplateList(Struct, frozen=True):
    """A page of templates by id; ``cursor`` begins the next page, null on the last."""

    items: list[TemplateView]
    cursor: str | None


class CatalogView(Struct, frozen=True):
    """The catalog that is served: its version, how many templates, the hash of the ruleset that serves it.

    ``imported_at``: when it came, in Unix milliseconds, null where there is none yet; ``by`` whom.
    ``content`` is a hash of what it says.
    """

    version: int
    count: int
    ruleset: str
    imported_at: int | None
    by: str
    content: str


class ItemsGateway:
    """Handlers of ``/v1/items`` and ``/v1/catalog``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Read the catalog of ``orchestrator``."""
        self._items = orchestrator.items
        self._ruleset_hash = orchestrator.ruleset.hash
        self._kinds = orchestrator.ruleset.source.items.kinds

    async def read(self, request: web.Request) -> web.Response:
        """``GET /v1/items/{template_id}``. The id may have slashes in it, escaped or not."""
        requests.plain(request)
        template_id = request.match_info["template_id"]
        if not _TEMPLATE_ID.search(template_id):
            raise invalid("template_id", "expected a template id")
        template = self._items.template(template_id)
        if template is None:
            raise Problem("UNKNOWN_TEMPLATE", params={"template_id": template_id})
        return json_reply(encode(_view(template)))

    async def find(self, request: web.Request) -> web.Response:
        """``GET /v1/items?kind=&cursor=&limit=``: templates in the bytewise order of their ids."""
        query = requests.plain(request, "kind", "cursor", "limit")
        limit = requests.limit(query)
        kind, after = query.get("kind"), query.get("cursor")
        if kind is not None and kind not in self._kinds:
            raise invalid("kind", "the ruleset has no such kind of item")
        if after is not None and not _TEMPLATE_ID.search(after):
            raise invalid("cursor", "expected the cursor of an earlier page")
        # One more than asked for tells whether there is a next page.
        found = self._items.templates(kind, after, limit + 1)
        page = found[:limit]
        cursor = page[-1].facts.template_id if len(found) > limit else None
        return json_reply(encode(TemplateList([_view(template) for template in page], cursor)))

    async def catalog(self, request: web.Request) -> web.Response:
        """``GET /v1/catalog``: which one it is; what is in it is at ``/v1/items``. Its tag is the version."""
        requests.plain(request)
        edition = self._items.edition
        view = CatalogView(
            edition.version,
            self._items.count,
            self._ruleset_hash,
            edition.imported_at or None,
            edition.by,
            edition.content,
        )
        tag = str(edition.version)
        return not_modified(request, tag) or tagged_reply(encode(view), tag)


def _view(template: Template) -> TemplateView:
    return TemplateView(template.facts.template_id, every_fact(template.facts), template.data)


def every_fact(struct: Struct) -> dict[str, Any]:
    """All fields by their names in JSON. The structs themselves are encoded without defaults."""
    return {
        field.encode_name: every_fact(value) if isinstance(value, Struct) else value
        for field in structs.fields(struct)
        for value in (getattr(struct, field.name),)
    }
