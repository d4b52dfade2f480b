"""Paths and parameters that several operations share."""

from typing import Any, Final

from gateway.http.operation import Parameter
from gateway.http.spellings import (
    Limit,
)

CHARACTER: Final = "/v1/characters/{char_id}"
INVENTORY: Final = f"{CHARACTER}/inventory"
ITEM: Final = f"{INVENTORY}/items/{{item_id}}"
TEMPLATE: Final = "/v1/items/{template_id}"
DOCS_FILE: Final = "/docs/{file}"

LIMIT: Final = Parameter(name="limit", type=Limit, summary="How many at most")


def cursor(type_: Any) -> Parameter:  # noqa: ANN401 - a type, perhaps annotated
    """Where a page goes on; ``type_`` is how its cursors are spelled."""
    return Parameter(name="cursor", type=type_, summary="The `cursor` of the page before")
