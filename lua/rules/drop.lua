-- drop: destroy an item.
-- requires: draft, guards

local function drop(d, command)
  local item = draft.item(d, command.item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  local refusal = guards.source_unlocked(d, item)
  if refusal then
    return refusal
  end
  local quantity = command.quantity or item.quantity
  if quantity > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item.item_id, quantity = quantity, has = item.quantity})
  end
  local destroyable = draft.facts_of(d, item).destroyable ~= false
  draft.take(d, item, quantity)
  refusal = guards.room(d)
  if refusal then
    return refusal
  end
  if not destroyable then
    return guards.refuse('NOT_DESTROYABLE', {item_id = item.item_id})
  end
end
