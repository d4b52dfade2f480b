-- equip: wear an item.
-- requires: draft, guards, wear

local function equip(d, command)
  local item = draft.item(d, command.item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  return wear.put_on(d, item, command.slot, nil)
end
