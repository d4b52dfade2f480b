"""The item catalog and its templates."""

from typing import Final

from gateway.handlers.catalog import MEDIA_TYPES, CatalogSourceView, CatalogVersionList
from gateway.handlers.items import CatalogView, TemplateList, TemplateView
from gateway.http.operation import Operation, Parameter, Scope
from gateway.http.spellings import (
    Kind,
    TemplateId,
    VersionCursor,
)
from gateway.operations.parts import LIMIT, TEMPLATE, cursor
from persistence.items.catalog import Template
from persistence.items.catalog_diff import CatalogDiff

CATALOG: Final = (
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
        body_media_types=MEDIA_TYPES,
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
        query=(LIMIT, cursor(VersionCursor)),
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
            LIMIT,
            cursor(TemplateId),
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
)
