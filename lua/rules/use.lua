-- use: one charge of an item; what it does is the game's to apply.
-- requires: draft, draft_changes, guards

local function use(d, command)
  local item = draft.item(d, command.item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  local facts = item.facts
  local refusal = guards.available(d, {item})
    or guards.not_locked(item)
    or guards.state_allows(d, 'use', facts)
    or (item.container ~= 'equipment' and guards.container_open(d, item.container))
  if refusal then
    return refusal
  end
  if (facts.use or 'none') == 'none' then
    return guards.refuse('NOT_USABLE', {item_id = item.item_id})
  end
  refusal = guards.requirements(d, item, facts.requires, nil)
  if refusal then
    return refusal
  end
  if facts.use == 'consume' then
    draft.take(d, item, 1)
  end
  draft.tell(d, {effect = item.template_id})
end
