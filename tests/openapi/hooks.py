"""What Schemathesis cannot know of the API."""

import json
import os
import re
from collections import Counter
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.transport import SerializationContext

from engine.shipped import read_ruleset
from gateway.openapi.examples import EXAMPLES
from gateway.operations.table import container_pages
from tests.openapi.right_data import RightData, spare

PAGES = {page.name for page in container_pages(read_ruleset("haversack")).values()}
RIGHT = RightData(os.environ["TESTED_URL"], json.loads(os.environ["TESTED_ITEMS"]))
SEEN: Counter[tuple[str, str]] = Counter()


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Make what a schema cannot forbid into what a caller would send, where the request is to be right."""
    # Who goes on from the present waits for the next change, and nobody makes one.
    if re.fullmatch(r'"?[0-9]+\.[0-9+]+"?', (case.headers or {}).get("Last-Event-ID", "")):
        del case.headers["Last-Event-ID"]
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    name = case.operation.definition.raw["operationId"]
    # Another catalog would leave nothing to be granted.
    if name == "replace_catalog":
        case.query = {**(case.query or {}), "dry_run": "true"}
    # Only the API makes cursors of pages, and no schema can say which it has made.
    if name in PAGES and case.query:
        case.query.pop("cursor", None)
    # JSON Schema takes 1.0 for an integer; here an integer is to be written as one.
    case.body = _whole(case.body)
    # Of each phase the first and most others; the rest may ask for what is not there.
    kind = (name, case.meta.phase.name.value)
    if SEEN[kind] % 4 != 3:
        _put_right(case, name)
    else:
        spare(case.path_parameters or {}, case.body)
    SEEN[kind] += 1


def _put_right(case: Case, name: str) -> None:
    parts = case.path_parameters or {}
    RIGHT.path(name, parts)
    RIGHT.headers(case.headers or {})
    if isinstance(case.body, dict):
        RIGHT.body(name, parts.get("char_id", ""), case.body)
    if name == "replace_catalog":
        case.body = EXAMPLES[name].body


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    return value


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def ndjson(context: SerializationContext, value: Any) -> bytes:
    """A body in lines is a text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
