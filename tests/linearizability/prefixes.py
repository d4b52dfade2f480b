"""What the ids of a call's new items begin with, read off the answers where the gateway made it.

An answered call shows it. Of one whose answer was lost, it is among those that the history shows
somewhere, or it is shown nowhere; then any will do that nobody else has. It is chosen by the search, and
never twice.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from engine.refusals import Refusal
from tests.linearizability.history import Execute, History, Inventory, Operation, Reply

LENGTH = 24


def with_prefixes(history: History) -> list[Operation]:
    """The history with the prefixes that each call may have had."""
    shown = dict.fromkeys(item_id[:LENGTH] for each in history for item_id in _ids(each))
    by_op_id: dict[str, dict[str, None]] = {}
    for each in history:
        if isinstance(each.call, Execute) and isinstance(each.answer, Reply) and each.call.op_id:
            by_op_id.setdefault(each.call.op_id, {}).update(dict.fromkeys(_changed(each)))
    found = []
    for number, each in enumerate(history):
        if isinstance(each.call, Execute) and not each.call.prefixes:
            possible = by_op_id.get(each.call.op_id, shown) if each.answer is None else _changed(each)
            call = replace(each.call, prefixes=(*possible, f"{number:0{LENGTH}x}"))
            each = replace(each, call=call)
        found.append(each)
    return found


def _ids(operation: Operation) -> Iterator[str]:
    match operation.answer:
        case Reply(changes=changes):
            yield from (item.item_id for item in changes.changed)
            yield from changes.removed
        case Inventory(items=items):
            yield from items
        case Refusal(params={"item_id": str(item_id)}):
            yield item_id


def _changed(operation: Operation) -> list[str]:
    changed = operation.answer.changes.changed if isinstance(operation.answer, Reply) else ()
    return list(dict.fromkeys(item.item_id[:LENGTH] for item in changed))
