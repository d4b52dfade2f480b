-- lock: the player's "keep this", which stops consume, use, drop and trade; and unlock.
-- requires: draft, draft_changes, guards

local lock = {}

function lock.lock(d, command)
  return lock.set_lock(d, command.item_id, true)
end

function lock.unlock(d, command)
  return lock.set_lock(d, command.item_id, false)
end

function lock.set_lock(d, item_id, locked)
  local item = draft.item(d, item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = item_id})
  end
  local refusal = guards.available(d, {item})
  if refusal then
    return refusal
  end
  draft.set_locked(d, item, locked)
end
