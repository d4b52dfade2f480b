"""The table of operations: all that the API does, each once.

Routes, rights, metrics and the OpenAPI document are made from it, so none of them can differ from
another.
"""

from typing import Any, Final

from engine.commands import SetActorRequest
from engine.outcome import Capacity
from engine.ruleset import Ruleset
from gateway.addressed import BulkRequest
from gateway.catalog import CatalogSourceView, CatalogVersionList
from gateway.characters import CharacterList, CreateCharacterRequest
from gateway.command_operations import command_operations
from gateway.export import CharacterExport
from gateway.item_detail import ItemDetail
from gateway.items import CatalogView, TemplateList, TemplateView
from gateway.journal import LedgerPage
from gateway.operation import Operation, Parameter, Scope
from gateway.pages import ContainerPage
from gateway.reply_shapes import Alive, BulkReply, Ready
from gateway.spellings import (
    AfterSeq,
    Category,
    CharacterName,
    CharId,
    Expand,
    Kind,
    Limit,
    PageCursor,
    Sort,
    TemplateId,
    VersionCursor,
)
from gateway.stats import StatsView
from gateway.views import InventoryView, ItemPage, PaperDoll
from persistence.catalog import Template
from persistence.catalog_diff import CatalogDiff
from persistence.records import Character, SessionState

CHARACTER: Final = "/v1/characters/{char_id}"
INVENTORY: Final = f"{CHARACTER}/inventory"
ITEM: Final = f"{INVENTORY}/items/{{item_id}}"
TEMPLATE: Final = "/v1/items/{template_id}"
DOCS_FILE: Final = "/docs/{file}"

_LIMIT: Final = Parameter(name="limit", type=Limit, summary="How many at most")


def _cursor(type_: Any) -> Parameter:  # noqa: ANN401 - a type, perhaps annotated
    return Parameter(name="cursor", type=type_, summary="The `cursor` of the page before")


OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for operation in (
        Operation(
            name="alive",
            method="GET",
            path="/healthz",
            scope=None,
            summary="Whether the process answers at all",
            reply=Alive,
        ),
        Operation(
            name="ready",
            method="GET",
            path="/readyz",
            scope=None,
            summary="Whether everything that serving needs is there",
            description="What is missing is told to those whose token may `operate`; others read `failed`.",
            reply=Ready,
            problems=("UNAVAILABLE",),
        ),
        Operation(
            name="read_metrics",
            method="GET",
            path="/metrics",
            scope=None,
            summary="What monitoring reads: counts, times, and what waits",
            description="In the text format of Prometheus, or OpenMetrics' where it is accepted. Who may "
            "read it is a setting: by default callers on the same machine.",
            reply=str,
            reply_media_type="text/plain",
            problems=("NOT_FOUND", "ACCESS_DENIED", "UNAUTHENTICATED"),
        ),
        Operation(
            name="read_openapi",
            method="GET",
            path="/openapi.json",
            scope=None,
            summary="This document",
            reply=dict[str, Any],
            tagged=True,
        ),
        Operation(
            name="read_docs",
            method="GET",
            path="/docs",
            scope=None,
            summary="This document, to be read and tried in a browser",
            reply=str,
            reply_media_type="text/html",
            tagged=True,
        ),
        Operation(
            name="read_docs_file",
            method="GET",
            path=DOCS_FILE,
            scope=None,
            summary="A file that the page for browsers is made of",
            reply=str,
            reply_media_type="*/*",
            tagged=True,
            problems=("NOT_FOUND",),
        ),
        Operation(
            name="read_catalog",
            method="GET",
            path="/v1/catalog",
            scope=Scope.READ,
            summary="The item catalog that is served: version, count, ruleset",
            reply=CatalogView,
            tagged=True,
        ),
        Operation(
            name="replace_catalog",
            method="PUT",
            path="/v1/catalog",
            scope=Scope.OPERATE,
            summary="Replace the item catalog",
            description="JSON Lines: a template on each line. All of them are the catalog, and it is taken "
            "whole or not at all. `If-Match` with the catalog's tag: only if it is still that one.",
            body=Template,
            body_media_type="application/x-ndjson",
            reply=CatalogDiff,
            headers=("ETag",),
            takes=("CatalogIfMatch",),
            query=(Parameter(name="dry_run", type=bool, summary="True: only show what would change"),),
            problems=("CONFLICT", "TEMPLATE_IN_USE", "TAG_MISMATCH", "OUTCOME_UNKNOWN"),
        ),
        Operation(
            name="find_catalog_versions",
            method="GET",
            path="/v1/catalog/versions",
            scope=Scope.READ,
            summary="The versions that the catalog has had, newest first",
            reply=CatalogVersionList,
            query=(_LIMIT, _cursor(VersionCursor)),
        ),
        Operation(
            name="read_catalog_source",
            method="GET",
            path="/v1/catalog/source",
            scope=Scope.OPERATE,
            summary="How following an item service stands",
            reply=CatalogSourceView,
        ),
        Operation(
            name="find_templates",
            method="GET",
            path="/v1/items",
            scope=Scope.READ,
            summary="Item templates by id",
            reply=TemplateList,
            query=(
                Parameter(name="kind", type=Kind, summary="Only items of this kind of the ruleset"),
                _LIMIT,
                _cursor(TemplateId),
            ),
        ),
        Operation(
            name="read_template",
            method="GET",
            path=TEMPLATE,
            scope=Scope.READ,
            summary="One item template",
            reply=TemplateView,
            problems=("UNKNOWN_TEMPLATE",),
        ),
        Operation(
            name="find_characters",
            method="GET",
            path="/v1/characters",
            scope=Scope.READ,
            summary="Characters by id, or by the beginning of their names",
            description="Actor and `durable_seq` are PostgreSQL's here, and may be one flush behind.",
            reply=CharacterList,
            query=(
                Parameter(
                    name="name", type=CharacterName, summary="What the name begins with, whatever the case"
                ),
                _LIMIT,
                _cursor(CharId),
            ),
        ),
        Operation(
            name="create_character",
            method="POST",
            path="/v1/characters",
            scope=Scope.GRANT,
            summary="Make a character",
            description="Under an id of the caller's own, or a new one. Two characters may have one name.",
            body=CreateCharacterRequest,
            reply=Character,
            status=201,
            headers=("Location",),
            problems=("ALREADY_EXISTS", "OUTCOME_UNKNOWN"),
        ),
        Operation(
            name="read_character",
            method="GET",
            path=CHARACTER,
            scope=Scope.READ,
            summary="One character",
            reply=Character,
        ),
        Operation(
            name="change_character",
            method="PATCH",
            path=CHARACTER,
            scope=Scope.GRANT,
            summary="Change what the character is: level, class, attributes, states",
            description="The command `set_actor`: what is absent stays, attributes merge, states are added "
            "and then removed.",
            body=SetActorRequest,
            reply=Character,
            conditions=True,
            problems=("CHARACTER_QUARANTINED", "CONFLICT"),
        ),
        Operation(
            name="erase_character",
            method="DELETE",
            path=CHARACTER,
            scope=Scope.OPERATE,
            summary="Erase the character for good",
            description="Its items, its session and its name go; its ledger stays under a key that leads to "
            "nobody. 204 also for one that was erased before, so a call that was cut off is repeated. The id "
            "is never given again.",
            status=204,
            problems=("OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
        ),
        Operation(
            name="export_character",
            method="GET",
            path=f"{CHARACTER}/export",
            scope=Scope.OPERATE,
            summary="All that is kept of the character",
            description="The session is saved first. The document is sent while it is made; one that was cut "
            "off lacks `complete`.",
            reply=CharacterExport,
            headers=("Content-Disposition",),
            problems=("OUTCOME_UNKNOWN",),
        ),
        Operation(
            name="load_session",
            method="POST",
            path=f"{CHARACTER}/session",
            scope=Scope.PLAY,
            summary="Make the session live",
            description="201 when it took a load, 200 when it was live already. Nobody has to: every call "
            "of the inventory loads it if need be.",
            reply=SessionState,
            status=201,
            also=(200,),
            problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
        ),
        Operation(
            name="evict_session",
            method="DELETE",
            path=f"{CHARACTER}/session",
            scope=Scope.PLAY,
            summary="Save the session and end it",
            reply=SessionState,
            problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
        ),
        Operation(
            name="save_session",
            method="POST",
            path=f"{CHARACTER}/session/save",
            scope=Scope.PLAY,
            summary="Answer when PostgreSQL has all that the session had",
            reply=SessionState,
            problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
        ),
        Operation(
            name="read_inventory",
            method="GET",
            path=INVENTORY,
            scope=Scope.READ,
            summary="The whole inventory",
            description="The order of the items is not fixed.",
            reply=InventoryView,
            tagged=True,
            query=(
                Parameter(
                    name="expand",
                    type=Expand,
                    summary="Adds `data` to every item: names, texts and stats of its template",
                ),
            ),
            problems=("CHARACTER_QUARANTINED",),
        ),
        Operation(
            name="read_equipment",
            method="GET",
            path=f"{INVENTORY}/equipment",
            scope=Scope.READ,
            summary="What is worn, slot by slot",
            reply=PaperDoll,
            tagged=True,
            problems=("CHARACTER_QUARANTINED",),
        ),
        Operation(
            name="read_wallet",
            method="GET",
            path=f"{INVENTORY}/wallet",
            scope=Scope.READ,
            summary="What is in the purses",
            reply=ItemPage,
            tagged=True,
            problems=("CHARACTER_QUARANTINED",),
        ),
        Operation(
            name="read_capacity",
            method="GET",
            path=f"{INVENTORY}/capacity",
            scope=Scope.READ,
            summary="Used and total room of each container, and weight",
            reply=Capacity,
            tagged=True,
            problems=("CHARACTER_QUARANTINED",),
        ),
        Operation(
            name="read_stats",
            method="GET",
            path=f"{INVENTORY}/stats",
            scope=Scope.READ,
            summary="Stats of all that is worn, summed up",
            reply=StatsView,
            tagged=True,
            problems=("CHARACTER_QUARANTINED",),
        ),
        Operation(
            name="read_journal",
            method="GET",
            path=f"{INVENTORY}/journal",
            scope=Scope.READ,
            summary="The ledger: who did what, when, with which changes",
            reply=LedgerPage,
            query=(
                Parameter(name="after_seq", type=AfterSeq, summary="The seq after which the page begins"),
                _LIMIT,
            ),
        ),
        Operation(
            name="read_events",
            method="GET",
            path=f"{INVENTORY}/events",
            scope=Scope.READ,
            summary="What changes the inventory, as it happens",
            description="Server-sent events, one for each applied call, without a gap from the event on that "
            "`Last-Event-ID` names; `change` has a `ChangeEvent`, `reset` a `ResetEvent` as its data.",
            reply=str,
            reply_media_type="text/event-stream",
            takes=("LastEventId",),
        ),
        Operation(
            name="read_item",
            method="GET",
            path=ITEM,
            scope=Scope.READ,
            summary="One item, and beside it what it would displace",
            reply=ItemDetail,
            tagged=True,
            problems=("ITEM_NOT_FOUND", "CHARACTER_QUARANTINED"),
        ),
        *command_operations(INVENTORY),
        Operation(
            name="execute_many",
            method="POST",
            path="/v1/execute",
            scope=Scope.PLAY,
            summary="Commands for many characters",
            description="Each request is all or nothing by itself, and answered as the single call would "
            "be. Those of one character are carried out in order.",
            body=BulkRequest,
            reply=BulkReply,
        ),
        Operation(
            name="stream",
            method="GET",
            path="/v1/stream",
            scope=Scope.PLAY,
            summary="A WebSocket for commands of many characters",
            description="Subprotocols: `haversack.json` in text frames, `haversack.msgpack` in binary ones. "
            "In: a `StreamRequest`, or an array of 1 to 1,000. Out: `StreamAnswer`, one or an array.",
            status=101,
        ),
    )
}


def page_of(container: str) -> Operation:
    """The operation that reads a page of a container, of which the ruleset has any number."""
    return Operation(
        name=f"read_{container}",
        method="GET",
        path=f"{INVENTORY}/{container}",
        scope=Scope.READ,
        summary=f"A page of what is in {container}",
        description="A cursor names a place in the order and never expires.",
        reply=ContainerPage,
        tagged=True,
        query=(
            Parameter(name="section", type=Kind, summary="Only items of this kind"),
            Parameter(name="category", type=Category, summary="Only items whose template has this tag"),
            Parameter(name="sort", type=Sort, summary="The order; `-` in front reverses it"),
            _LIMIT,
            _cursor(PageCursor),
        ),
        problems=("CHARACTER_QUARANTINED",),
    )


def container_pages(ruleset: Ruleset) -> dict[str, Operation]:
    """The pages of a ruleset's containers, by container.

    A container that a game has named as one of the paths above leaves it that path.
    """
    taken = {operation.path for operation in OPERATIONS.values()}
    pages = {container: page_of(container) for container in ruleset.containers}
    return {container: page for container, page in pages.items() if page.path not in taken}
