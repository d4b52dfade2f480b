-- wear: which slot, what gives way, and where that goes. Used by equip, move and swap.
-- requires: draft, guards, placement

local wear = {}

local function contains(list, value)
  for _, entry in ipairs(list) do
    if entry == value then
      return true
    end
  end
  return false
end

function wear.put_on(d, item, slot)
  local facts = draft.facts_of(d, item)
  local allowed = placement.allowed_slots(facts)
  local target = slot or wear.choose_slot(d, item, allowed)
  local refusal = target and wear.slots_unlocked(d, item, target)
  if refusal then
    return refusal
  end
  refusal = wear.wearable(d, item, facts, target)
  if refusal then
    return refusal
  end
  if item.container == 'equipment' and item.slot == target then
    return nil
  end
  refusal = placement.stack_fits(d, item, facts, 'equipment', target)
  if refusal then
    return refusal
  end
  local displaced = wear.worn_in_the_way(d, item, target)
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

function wear.choose_slot(d, item, allowed)
  if item.container == 'equipment' and contains(allowed, item.slot) then
    return item.slot
  end
  for _, slot in ipairs(allowed) do
    if #wear.worn_in_the_way(d, item, slot) == 0 then
      return slot
    end
  end
  return allowed[1]
end

function wear.slots_unlocked(d, item, target)
  local refusal = guards.source_unlocked(d, item)
  if refusal then
    return refusal
  end
  refusal = guards.slot_unlocked(d, target)
  if refusal then
    return refusal
  end
  for _, other in ipairs(wear.worn_in_the_way(d, item, target)) do
    refusal = guards.source_unlocked(d, other)
    if refusal then
      return refusal
    end
  end
end

function wear.wearable(d, item, facts, target)
  local allowed = placement.allowed_slots(facts)
  if #allowed == 0 then
    return guards.refuse('NOT_WEARABLE', {item_id = item.item_id})
  end
  if not contains(allowed, target) then
    return guards.refuse('WRONG_SLOT', {item_id = item.item_id, slot = target})
  end
  return guards.requirements(d, item, facts)
end

function wear.worn_in_the_way(d, item, target)
  local worn = {}
  local other = draft.at(d, 'equipment', target)
  if other and other.item_id ~= item.item_id then
    worn[1] = other
  end
  for _, slot in ipairs(RULESET.slots[target].conflicts) do
    other = draft.at(d, 'equipment', slot)
    if other and other.item_id ~= item.item_id then
      worn[#worn + 1] = other
    end
  end
  return worn
end

function wear.stow(d, item, origin_container, origin_slot)
  local facts = draft.facts_of(d, item)
  if placement.may_stand(d, item, facts, origin_container, origin_slot) then
    draft.put(d, item, origin_container, origin_slot, item.quantity)
    return nil
  end
  return wear.put_away(d, item, facts)
end

function wear.put_away(d, item, facts)
  local containers = placement.auto_containers(d, facts)
  if #containers == 0 then
    return guards.refuse('CONTAINER_REJECTS_ITEM', {item_id = item.item_id})
  end
  local left = placement.pour(d, containers, facts, item.bound, item.quantity, item)
  if left > 0 then
    return placement.unplaced(d, left, item.quantity, containers[1], {item_id = item.item_id})
  end
end
