-- unequip: take off a worn item.
-- requires: draft, draft_changes, guards, move, wear

local function unequip(d, command)
  local item = draft.item(d, command.item_id)
  if not item or item.container ~= 'equipment' then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  if command.to then
    return move.move_item(d, item, command.to, nil)
  end
  local facts = item.facts
  local refusal = guards.available(d, {item})
    or guards.state_allows(d, 'unequip', facts)
    or guards.source_unlocked(d, item)
  if refusal then
    return refusal
  end
  draft.lift(d, item)
  return wear.put_away(d, item, facts)
end
