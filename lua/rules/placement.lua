-- placement: filling stacks, finding free slots, and pouring a lot into containers.
-- requires: draft, draft_changes, guards, memo

local placement = {}

local function filter_accepts(container, facts)
  local entry = CONTAINERS[container]
  if entry.kinds and not entry.kinds[facts.kind] then
    return false
  end
  if entry.tags then
    for _, tag in ipairs(facts.tags or {}) do
      if entry.tags[tag] then
        return true
      end
    end
    return false
  end
  return true
end

placement.filter_accepts = filter_accepts

function placement.accepts(d, container, facts)
  return CONTAINERS[container].kind ~= 'mailbox' and filter_accepts(container, facts)
end

function placement.auto_containers(d, facts, bound)
  local containers = {}
  for _, container in ipairs(RULESET.auto) do
    if placement.takes(d, container, facts, bound) then
      containers[#containers + 1] = container
    end
  end
  return containers
end

function placement.takes(d, container, facts, bound)
  return filter_accepts(container, facts) and not placement.stays_out(d, container, facts, bound)
end

function placement.stays_out(d, container, facts, bound)
  return CONTAINERS[container].shared and (bound or facts.tradeable == false)
end

local is_index = memo(function(slot)
  return type(slot) == 'number'
end)

function placement.is_slot_of(d, container, facts, slot)
  if CONTAINERS[container].kind == 'purse' then
    return slot == facts.template_id
  end
  return is_index[slot]
end

function placement.out_of_range(d, container, slot)
  local total = draft.total(d, container)
  if not total or not is_index[slot] or slot < total then
    return nil
  end
  return guards.refuse('SLOT_OUT_OF_RANGE', {container = container, slot = slot, total = total})
end

function placement.stack_limit(d, container, facts)
  local entry = CONTAINERS[container]
  if not entry or entry.kind ~= 'purse' then
    return facts.stack_limit or 1
  end
  return WEIGHS[container] and BOUNDS.weighing_quantity or BOUNDS.quantity
end

function placement.stack_fits(d, item, facts, container, slot)
  local limit = placement.stack_limit(d, container, facts)
  if item.quantity > limit then
    return guards.refuse('STACK_FULL', {container = container, slot = slot, stack_limit = limit})
  end
end

function placement.may_stand(d, item, facts, container, slot)
  if draft.at(d, container, slot) or placement.stack_fits(d, item, facts, container, slot) then
    return false
  end
  if container == 'equipment' then
    local allowed = false
    for _, name in ipairs(placement.allowed_slots(facts)) do
      allowed = allowed or name == slot
    end
    for _, other in ipairs(RULESET.slots[slot].conflicts) do
      allowed = allowed and not draft.at(d, 'equipment', other)
    end
    return allowed
  end
  if not placement.accepts(d, container, facts) then
    return false
  end
  if placement.stays_out(d, container, facts, item.bound) then
    return false
  end
  if not placement.is_slot_of(d, container, facts, slot) then
    return false
  end
  return not placement.out_of_range(d, container, slot)
end

function placement.allowed_slots(facts)
  local allowed, seen = {}, {}
  for _, name in ipairs(facts.slots or {}) do
    for _, slot in ipairs(RULESET.members[name]) do
      if not seen[slot] then
        seen[slot] = true
        allowed[#allowed + 1] = slot
      end
    end
  end
  return allowed
end

function placement.pour(d, containers, lot, quantity)
  local left = quantity
  for _, container in ipairs(containers) do
    left = placement.fill(d, container, lot, left)
  end
  for _, container in ipairs(containers) do
    while left > 0 do
      local slot = placement.free_slot(d, container, lot.facts)
      local portion = placement.bearable(
        d, container, lot, math.min(left, placement.stack_limit(d, container, lot.facts))
      )
      if not slot or portion == 0 or (lot.item_id and portion < left) then
        break
      end
      if lot.keep and portion == left then
        draft.put(d, lot.keep, container, slot, portion)
        return 0
      end
      if draft.minted(d) >= BOUNDS.new_stacks then
        break
      end
      draft.create(d, lot.facts.template_id, portion, lot.bound, lot.locked, container, slot, lot.item_id)
      left = left - portion
    end
  end
  if lot.keep and left == 0 then
    draft.destroy(d, lot.keep)
  end
  return left
end

function placement.unplaced(d, containers, facts, left, quantity, params)
  local room = false
  for _, container in ipairs(containers) do
    room = room or placement.free_slot(d, container, facts) ~= nil
  end
  if draft.minted(d) >= BOUNDS.new_stacks and room then
    params.quantity, params.new_stacks = quantity, BOUNDS.new_stacks
    return guards.refuse('INVALID_QUANTITY', params)
  end
  params.container, params.not_placed = containers[1], left
  return guards.refuse('CONTAINER_FULL', params)
end

function placement.fill(d, container, lot, left)
  local limit = placement.stack_limit(d, container, lot.facts)
  if left == 0 or limit == 1 or lot.item_id then
    return left
  end
  for _, stack in ipairs(placement.stacks(d, container, lot.facts)) do
    local portion = placement.bearable(d, container, lot, math.min(left, limit - stack.quantity))
    if portion > 0 and stack.bound == lot.bound and not stack.held and stack.item_id ~= lot.skip then
      draft.resize(d, stack, stack.quantity + portion)
      left = left - portion
      if left == 0 then
        break
      end
    end
  end
  return left
end

function placement.bearable(d, container, lot, portion)
  local unit = lot.facts.weight or 0
  if not lot.light or unit == 0 or not WEIGHS[container] then
    return portion
  end
  local spare = math.max(0, draft.carry_limit(d) - draft.weight(d))
  return math.min(portion, math.floor(spare / unit))
end

function placement.stacks(d, container, facts)
  if CONTAINERS[container].kind ~= 'purse' then
    return draft.stacks(d, container, facts.template_id)
  end
  return {draft.at(d, container, facts.template_id)}
end

function placement.free_slot(d, container, facts)
  if CONTAINERS[container].kind == 'purse' then
    return not draft.at(d, container, facts.template_id) and facts.template_id or nil
  end
  return draft.first_free(d, container)
end
