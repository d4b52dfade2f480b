"""lock and unlock: the player's "keep this", which stops consume, use, drop and trade."""

from engine.commands import LockRequest, UnlockRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards
from engine.rules.draft import Draft
from engine.rules.guards import refuse


def lock(draft: Draft, command: LockRequest) -> Refusals:
    """Lock an item, or leave it locked."""
    yield from set_lock(draft, command.item_id, True)


def unlock(draft: Draft, command: UnlockRequest) -> Refusals:
    """Unlock an item, or leave it unlocked."""
    yield from set_lock(draft, command.item_id, False)


def set_lock(draft: Draft, item_id: str, locked: bool) -> Refusals:
    """The lock is the stack's: what is split off begins with it, what merges takes the other's."""
    item = draft.item(item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=item_id)
        return
    yield from guards.available(draft, item)
    draft.set_locked(item, locked)
