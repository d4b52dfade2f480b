"""The table of operations: all that the API does, each once.

Routes, rights, metrics and the OpenAPI document are made from it, so none of them can differ from
another.
"""

from typing import Final

from engine.ruleset import Ruleset
from gateway.handlers.pages import ContainerPage
from gateway.http.operation import Operation, Parameter, Scope
from gateway.http.spellings import (
    Category,
    Kind,
    PageCursor,
    Sort,
)
from gateway.operations.catalog import CATALOG
from gateway.operations.characters import CHARACTERS
from gateway.operations.commands import command_operations
from gateway.operations.inventory import INVENTORY_READS
from gateway.operations.many import MANY
from gateway.operations.parts import INVENTORY, LIMIT, cursor
from gateway.operations.service import SERVICE

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for operation in (
        *SERVICE,
        *CATALOG,
        *CHARACTERS,
        *INVENTORY_READS,
        *command_operations(INVENTORY),
        *MANY,
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
            LIMIT,
            cursor(PageCursor),
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
