"""What is read of an inventory."""

from typing import Final

from engine.outcome import Capacity
from gateway.handlers.item_detail import ItemDetail
from gateway.handlers.journal import LedgerPage
from gateway.handlers.stats import StatsView
from gateway.handlers.views import InventoryView, ItemPage, PaperDoll
from gateway.http.operation import Operation, Parameter, Scope
from gateway.http.spellings import (
    AfterSeq,
    Expand,
)
from gateway.operations.parts import INVENTORY, ITEM, LIMIT

INVENTORY_READS: Final = (
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
            LIMIT,
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
)
