-- drop: destroy an item.
-- requires: draft, draft_changes, guards

local function drop(d, command)
  local item = draft.item(d, command.item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  local facts = item.facts
  local refusal = guards.available(d, {item})
    or guards.not_locked(item)
    or guards.state_allows(d, 'drop', facts)
    or guards.source_unlocked(d, item)
  if refusal then
    return refusal
  end
  local quantity = command.quantity or item.quantity
  if facts.destroyable == false then
    draft.owe(d, guards.refuse('NOT_DESTROYABLE', {item_id = item.item_id}))
  end
  if quantity > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item.item_id, quantity = quantity, has = item.quantity})
  end
  draft.take(d, item, quantity)
end
