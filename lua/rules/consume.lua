-- consume: take items away, from one stack or of a template wherever it is carried.
-- requires: draft, draft_changes, guards, placement

local consume = {}

function consume.consume(d, command)
  if command.item_id then
    return consume.consume_item(d, command.item_id, command.quantity)
  end
  return consume.consume_template(d, command.template_id, command.quantity)
end

function consume.consume_item(d, item_id, quantity)
  local item = draft.item(d, item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = item_id})
  end
  local refusal = guards.available(d, {item})
    or guards.not_locked(item)
    or guards.state_allows(d, 'consume', item.facts)
  if refusal then
    return refusal
  end
  if quantity > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item_id, quantity = quantity, has = item.quantity})
  end
  draft.take(d, item, quantity)
end

function consume.consume_template(d, template_id, quantity)
  local refusal = guards.state_allows(d, 'consume', draft.facts(d, template_id))
  if refusal then
    return refusal
  end
  local found = consume.carried(d, template_id)
  local has = 0
  for rank, stack in ipairs(found) do
    has = has + stack.quantity
    found[rank] = {stack = stack, quantity = stack.quantity, rank = rank}
  end
  if quantity > has then
    return guards.refuse('INSUFFICIENT_ITEMS', {template_id = template_id, quantity = quantity, has = has})
  end
  -- The sort is not stable, so the rank decides ties.
  table.sort(found, function(a, b)
    if a.quantity ~= b.quantity then
      return a.quantity < b.quantity
    end
    return a.rank < b.rank
  end)
  for _, entry in ipairs(found) do
    local portion = math.min(quantity, entry.quantity)
    draft.take(d, entry.stack, portion)
    quantity = quantity - portion
    if quantity == 0 then
      break
    end
  end
end

function consume.carried(d, template_id)
  local found = {}
  local facts = draft.facts(d, template_id)
  if not facts then
    return found
  end
  for _, container in ipairs(RULESET.order) do
    local entry = CONTAINERS[container]
    if entry.kind ~= 'mailbox' and entry.consumable then
      for _, stack in ipairs(placement.stacks(d, container, facts)) do
        if not stack.locked and not guards.available(d, {stack}) then
          found[#found + 1] = stack
        end
      end
    end
  end
  return found
end
