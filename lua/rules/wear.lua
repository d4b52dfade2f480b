-- wear: which slot, what gives way, and where that goes. Used by equip, move and swap.
-- requires: draft, draft_changes, guards, limits, placement

local wear = {}

local function contains(list, value)
  for _, entry in ipairs(list) do
    if entry == value then
      return true
    end
  end
  return false
end

function wear.put_on(d, item, slot, quantity)
  local facts = item.facts
  local target = slot
  if slot == nil then
    target = wear.choose_slot(d, item, facts)
  end
  local displaced = wear.worn_in_the_way(d, item, target)
  local refusal = guards.available(d, {item, unpack(displaced)})
  if refusal then
    return refusal
  end
  if quantity and quantity ~= item.quantity then
    return guards.refuse('INVALID_QUANTITY', {item_id = item.item_id, quantity = quantity})
  end
  if slot ~= nil and not RULESET.slots[slot] then
    return guards.refuse('UNKNOWN_SLOT', {container = 'equipment', slot = slot})
  end
  refusal = wear.states_allow(d, item, facts, target, displaced)
    or wear.misfit(d, item, facts, target)
    or wear.worthy(d, item, facts, target)
  if refusal then
    return refusal
  end
  if item.container == 'equipment' and item.slot == target then
    return nil
  end
  refusal = limits.may_wear(d, item, facts, displaced)
    or placement.stack_fits(d, item, facts, 'equipment', target)
  if refusal then
    return refusal
  end
  local origin_container, origin_slot = item.container, item.slot
  draft.lift(d, item)
  for _, other in ipairs(displaced) do
    draft.lift(d, other)
  end
  draft.put(d, item, 'equipment', target, item.quantity)
  for _, other in ipairs(displaced) do
    refusal = wear.stow(d, other, origin_container, origin_slot)
    if refusal then
      return refusal
    end
  end
end

function wear.choose_slot(d, item, facts)
  local allowed = placement.allowed_slots(facts)
  if item.container == 'equipment' and contains(allowed, item.slot) then
    return item.slot
  end
  local open_to = {}
  for _, slot in ipairs(allowed) do
    if not wear.slot_open(d, item, facts, slot) then
      open_to[#open_to + 1] = slot
    end
  end
  if #open_to == 0 then
    open_to = allowed
  end
  for _, slot in ipairs(open_to) do
    if #wear.worn_in_the_way(d, item, slot) == 0 then
      return slot
    end
  end
  return open_to[1]
end

function wear.slot_open(d, item, facts, slot)
  local entry = RULESET.slots[slot]
  if not entry.requires_for or entry.requires_for[facts.kind] then
    return guards.requirements(d, item, entry.requires, slot)
  end
end

function wear.states_allow(d, item, facts, target, displaced)
  local refusal = guards.state_allows(d, 'equip', facts)
  if refusal then
    return refusal
  end
  for _, other in ipairs(displaced) do
    refusal = guards.state_allows(d, 'unequip', other.facts)
    if refusal then
      return refusal
    end
  end
  refusal = guards.source_unlocked(d, item)
    or (target ~= nil and guards.slot_unlocked(d, target, facts))
  if refusal then
    return refusal
  end
  for _, other in ipairs(displaced) do
    refusal = guards.source_unlocked(d, other)
    if refusal then
      return refusal
    end
  end
end

function wear.misfit(d, item, facts, target)
  local allowed = placement.allowed_slots(facts)
  if #allowed == 0 then
    return guards.refuse('NOT_WEARABLE', {item_id = item.item_id})
  end
  if not contains(allowed, target) then
    return guards.refuse('WRONG_SLOT', {item_id = item.item_id, slot = target})
  end
end

function wear.worthy(d, item, facts, target)
  return guards.requirements(d, item, facts.requires, nil)
    or wear.slot_open(d, item, facts, target)
end

function wear.worn_in_the_way(d, item, target)
  local worn = {}
  local entry = RULESET.slots[target or '']
  if not entry then
    return worn
  end
  local other = draft.at(d, 'equipment', target)
  if other and other.item_id ~= item.item_id then
    worn[1] = other
  end
  for _, slot in ipairs(entry.conflicts) do
    other = draft.at(d, 'equipment', slot)
    if other and other.item_id ~= item.item_id then
      worn[#worn + 1] = other
    end
  end
  return worn
end

function wear.stow(d, item, origin_container, origin_slot)
  local facts = item.facts
  if placement.may_stand(d, item, facts, origin_container, origin_slot)
    and not wear.barred(d, item, facts, origin_container, origin_slot) then
    draft.put(d, item, origin_container, origin_slot, item.quantity)
    return nil
  end
  return wear.put_away(d, item, facts)
end

function wear.barred(d, item, facts, container, slot)
  if container == 'equipment' then
    return guards.slot_unlocked(d, slot, facts) or wear.slot_open(d, item, facts, slot)
  end
end

function wear.put_away(d, item, facts)
  local taking = placement.auto_containers(d, facts, item.bound)
  if #taking == 0 then
    return guards.refuse('CONTAINER_REJECTS_ITEM', {item_id = item.item_id})
  end
  local containers = {}
  for _, container in ipairs(taking) do
    if not guards.container_open(d, container) then
      containers[#containers + 1] = container
    end
  end
  if #containers == 0 then
    return guards.container_open(d, taking[1])
  end
  local lot = {facts = facts, bound = item.bound, locked = item.locked, keep = item}
  local left = placement.pour(d, containers, lot, item.quantity)
  if left > 0 then
    return placement.unplaced(d, containers, facts, left, item.quantity, {item_id = item.item_id})
  end
end
