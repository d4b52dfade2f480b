"""The table of operations: all that the API does, each once.

Routes, rights, metrics and the OpenAPI document are made from it, so none of them can differ from
another.
"""

from typing import Final

from gateway.operation import Operation, Scope

CHARACTER: Final = "/v1/characters/{char_id}"
INVENTORY: Final = f"{CHARACTER}/inventory"
ITEM: Final = f"{INVENTORY}/items/{{item_id}}"
TEMPLATE: Final = "/v1/items/{template_id}"

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for operation in (
        Operation(
            name="alive",
            method="GET",
            path="/healthz",
            scope=None,
            summary="Whether the process answers at all",
        ),
        Operation(
            name="ready",
            method="GET",
            path="/readyz",
            scope=None,
            summary="Whether everything that serving needs is there",
        ),
        Operation(
            name="read_catalog",
            method="GET",
            path="/v1/catalog",
            scope=Scope.READ,
            summary="The item catalog that is served: version, count, ruleset",
        ),
        Operation(
            name="find_templates",
            method="GET",
            path="/v1/items",
            scope=Scope.READ,
            summary="Item templates by id",
        ),
        Operation(
            name="read_template",
            method="GET",
            path=TEMPLATE,
            scope=Scope.READ,
            summary="One item template",
        ),
        Operation(
            name="find_characters",
            method="GET",
            path="/v1/characters",
            scope=Scope.READ,
            summary="Characters by id, or by the beginning of their names",
        ),
        Operation(
            name="create_character",
            method="POST",
            path="/v1/characters",
            scope=Scope.GRANT,
            summary="Make a character",
            status=201,
        ),
        Operation(
            name="read_character",
            method="GET",
            path=CHARACTER,
            scope=Scope.READ,
            summary="One character",
        ),
        Operation(
            name="change_character",
            method="PATCH",
            path=CHARACTER,
            scope=Scope.GRANT,
            summary="Change what the character is: level, class, attributes, states",
        ),
        Operation(
            name="load_session",
            method="POST",
            path=f"{CHARACTER}/session",
            scope=Scope.PLAY,
            summary="Make the session live",
        ),
        Operation(
            name="evict_session",
            method="DELETE",
            path=f"{CHARACTER}/session",
            scope=Scope.PLAY,
            summary="Save the session and end it",
        ),
        Operation(
            name="save_session",
            method="POST",
            path=f"{CHARACTER}/session/save",
            scope=Scope.PLAY,
            summary="Answer when PostgreSQL has all that the session had",
        ),
        Operation(
            name="read_inventory",
            method="GET",
            path=INVENTORY,
            scope=Scope.READ,
            summary="The whole inventory",
        ),
        Operation(
            name="read_equipment",
            method="GET",
            path=f"{INVENTORY}/equipment",
            scope=Scope.READ,
            summary="What is worn, slot by slot",
        ),
        Operation(
            name="read_wallet",
            method="GET",
            path=f"{INVENTORY}/wallet",
            scope=Scope.READ,
            summary="What is in the purses",
        ),
        Operation(
            name="read_capacity",
            method="GET",
            path=f"{INVENTORY}/capacity",
            scope=Scope.READ,
            summary="Used and total room of each container, and weight",
        ),
        Operation(
            name="read_stats",
            method="GET",
            path=f"{INVENTORY}/stats",
            scope=Scope.READ,
            summary="Stats of all that is worn, summed up",
        ),
        Operation(
            name="read_journal",
            method="GET",
            path=f"{INVENTORY}/journal",
            scope=Scope.READ,
            summary="The ledger: who did what, when, with which changes",
        ),
        Operation(
            name="read_item",
            method="GET",
            path=ITEM,
            scope=Scope.READ,
            summary="One item, and beside it what it would displace",
        ),
        Operation(
            name="equip",
            method="POST",
            path=f"{INVENTORY}/equip",
            scope=Scope.PLAY,
            summary="Wear an item",
        ),
        Operation(
            name="unequip",
            method="POST",
            path=f"{INVENTORY}/unequip",
            scope=Scope.PLAY,
            summary="Take an item off",
        ),
        Operation(
            name="move",
            method="POST",
            path=f"{INVENTORY}/move",
            scope=Scope.PLAY,
            summary="Place, split, merge or swap",
        ),
        Operation(
            name="grant",
            method="POST",
            path=f"{INVENTORY}/grant",
            scope=Scope.GRANT,
            summary="Make items",
        ),
        Operation(
            name="consume",
            method="POST",
            path=f"{INVENTORY}/consume",
            scope=Scope.GRANT,
            summary="Take items away",
        ),
        Operation(
            name="use",
            method="POST",
            path=f"{INVENTORY}/use",
            scope=Scope.PLAY,
            summary="Use an item up",
        ),
        Operation(
            name="drop",
            method="POST",
            path=f"{INVENTORY}/drop",
            scope=Scope.PLAY,
            summary="Destroy an item",
        ),
        Operation(
            name="lock",
            method="POST",
            path=f"{INVENTORY}/lock",
            scope=Scope.PLAY,
            summary="Keep an item from being consumed, used or dropped",
        ),
        Operation(
            name="unlock",
            method="POST",
            path=f"{INVENTORY}/unlock",
            scope=Scope.PLAY,
            summary="Undo a lock",
        ),
        Operation(
            name="sort",
            method="POST",
            path=f"{INVENTORY}/sort",
            scope=Scope.PLAY,
            summary="Put a container in order",
        ),
        Operation(
            name="execute",
            method="POST",
            path=f"{INVENTORY}/execute",
            scope=Scope.PLAY,
            summary="Commands in order, all or nothing",
        ),
        Operation(
            name="execute_many",
            method="POST",
            path="/v1/execute",
            scope=Scope.PLAY,
            summary="Commands for many characters",
        ),
        Operation(
            name="stream",
            method="GET",
            path="/v1/stream",
            scope=Scope.PLAY,
            summary="A WebSocket for commands of many characters",
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
    )
