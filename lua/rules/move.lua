-- move: place, merge, swap or split, or wear when the paper doll is where it goes.
-- requires: draft, draft_changes, guards, limits, placement, wear

local move = {}

function move.move(d, command)
  local item = draft.item(d, command.item_id)
  if not item then
    return guards.refuse('ITEM_NOT_FOUND', {item_id = command.item_id})
  end
  return move.move_item(d, item, command.to, command.quantity)
end

function move.move_item(d, item, to, quantity)
  if to.container == 'equipment' then
    return wear.put_on(d, item, to.slot, quantity)
  end
  local facts = item.facts
  local other = move.occupant(d, item, facts, to)
  local refusal = guards.available(d, {item, other})
  if refusal then
    return refusal
  end
  if not CONTAINERS[to.container] then
    return guards.refuse('UNKNOWN_CONTAINER', {container = to.container})
  end
  if to.slot ~= nil and not placement.is_slot_of(d, to.container, facts, to.slot) then
    return guards.refuse('UNKNOWN_SLOT', {container = to.container, slot = to.slot})
  end
  refusal = move.leave(d, item, facts)
    or guards.container_open(d, to.container)
  if refusal then
    return refusal
  end
  local partner = other and move.swaps(d, item, other, facts, to.container, quantity)
  if partner then
    if item.container == 'equipment' then
      refusal = move.take_place(d, other, item)
    else
      refusal = guards.state_allows(d, 'move', other.facts)
    end
    if refusal then
      return refusal
    end
  end
  if not placement.accepts(d, to.container, facts) then
    return guards.refuse('CONTAINER_REJECTS_ITEM', {item_id = item.item_id, container = to.container})
  end
  if not move.is_shared(d, item.container) then
    guards.changes_hands(d, to.container, facts, item.bound, 'item_id', item.item_id)
  end
  if to.slot == nil then
    return move.move_into(d, item, facts, to.container, quantity)
  end
  return move.move_to_slot(d, item, facts, to.container, to.slot, quantity)
end

function move.occupant(d, item, facts, to)
  if to.slot == nil or not CONTAINERS[to.container] then
    return nil
  end
  if not placement.is_slot_of(d, to.container, facts, to.slot) then
    return nil
  end
  local other = draft.at(d, to.container, to.slot)
  return other and other.item_id ~= item.item_id and other or nil
end

function move.leave(d, item, facts)
  local worn = item.container == 'equipment'
  return guards.state_allows(d, worn and 'unequip' or 'move', facts)
    or guards.source_unlocked(d, item)
end

function move.is_shared(d, container)
  return container ~= 'equipment' and CONTAINERS[container].shared
end

function move.swaps(d, item, other, facts, container, quantity)
  local whole = not quantity or quantity == item.quantity
  return whole and other.item_id ~= item.item_id and not move.merges(d, item, other, facts, container)
end

function move.take_place(d, other, item)
  local facts, slot = other.facts, item.slot
  return guards.state_allows(d, 'equip', facts)
    or guards.slot_unlocked(d, slot, facts)
    or wear.misfit(d, other, facts, slot)
    or wear.worthy(d, other, facts, slot)
    or limits.may_wear(d, other, facts, {item})
end

function move.merges(d, item, other, facts, container)
  return other.template_id == item.template_id and placement.stack_limit(d, container, facts) > 1
end

function move.move_into(d, item, facts, container, quantity)
  if quantity and quantity ~= item.quantity then
    return move.split_into(d, item, facts, container, quantity)
  end
  local lot = {facts = facts, bound = item.bound, locked = item.locked, keep = item, skip = item.item_id}
  if item.container == container then
    local left = placement.fill(d, container, lot, item.quantity)
    if left < item.quantity then
      draft.take(d, item, item.quantity - left)
    end
    return nil
  end
  local origin_container, origin_slot, whole = item.container, item.slot, item.quantity
  draft.lift(d, item)
  local left = placement.pour(d, {container}, lot, whole)
  if left == whole or (quantity and left > 0) then
    return placement.unplaced(d, {container}, facts, left, whole, {item_id = item.item_id})
  end
  if left > 0 then
    draft.put(d, item, origin_container, origin_slot, left)
  end
end

function move.split_into(d, item, facts, container, quantity)
  local lot = {facts = facts, bound = item.bound, locked = item.locked, skip = item.item_id}
  local left = placement.pour(d, {container}, lot, quantity)
  if left > 0 then
    return placement.unplaced(d, {container}, facts, left, quantity, {item_id = item.item_id})
  end
  if quantity > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item.item_id, quantity = quantity, has = item.quantity})
  end
  draft.take(d, item, quantity)
end

function move.move_to_slot(d, item, facts, container, slot, quantity)
  local whole = not quantity or quantity == item.quantity
  if item.container == container and item.slot == slot and whole then
    return nil
  end
  local refusal = placement.out_of_range(d, container, slot)
  if refusal then
    return refusal
  end
  local other = draft.at(d, container, slot)
  if not other then
    return move.place(d, item, facts, container, slot, quantity)
  elseif move.swaps(d, item, other, facts, container, quantity) then
    return move.swap(d, item, facts, other)
  elseif other.item_id ~= item.item_id and move.merges(d, item, other, facts, container) then
    return move.merge(d, item, other, facts, quantity)
  end
  return guards.refuse('SLOT_OCCUPIED', {container = container, slot = slot})
end

function move.place(d, item, facts, container, slot, quantity)
  local limit = placement.stack_limit(d, container, facts)
  if quantity and quantity > limit then
    return guards.refuse('STACK_FULL', {container = container, slot = slot, stack_limit = limit})
  end
  local wanted = quantity or item.quantity
  if wanted > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item.item_id, quantity = wanted, has = item.quantity})
  end
  local portion = math.min(wanted, limit)
  if portion == item.quantity then
    draft.lift(d, item)
    draft.put(d, item, container, slot, portion)
  else
    draft.take(d, item, portion)
    draft.create(d, item.template_id, portion, item.bound, item.locked, container, slot, nil)
  end
end

function move.merge(d, item, other, facts, quantity)
  if other.bound ~= item.bound then
    return guards.refuse('CANNOT_STACK', {item_id = item.item_id, onto = other.item_id})
  end
  local limit = placement.stack_limit(d, other.container, facts)
  local room = limit - other.quantity
  if room <= 0 or (quantity and quantity > room) then
    return guards.refuse('STACK_FULL', {container = other.container, slot = other.slot, stack_limit = limit})
  end
  local wanted = quantity or item.quantity
  if wanted > item.quantity then
    return guards.refuse('INSUFFICIENT_ITEMS', {item_id = item.item_id, quantity = wanted, has = item.quantity})
  end
  local portion = math.min(wanted, room)
  draft.take(d, item, portion)
  draft.resize(d, other, other.quantity + portion)
end

function move.swap(d, item, facts, other)
  local origin_container, origin_slot = item.container, item.slot
  local target_container, target_slot = other.container, other.slot
  local others = other.facts
  if origin_container ~= 'equipment' then
    if not placement.accepts(d, origin_container, others) then
      return guards.refuse('CONTAINER_REJECTS_ITEM', {item_id = other.item_id, container = origin_container})
    end
    local refusal = placement.out_of_range(d, origin_container, origin_slot)
    if refusal then
      return refusal
    end
    if not placement.is_slot_of(d, origin_container, others, origin_slot) then
      return guards.refuse('SLOT_OCCUPIED', {container = target_container, slot = target_slot})
    end
    if not move.is_shared(d, target_container) then
      guards.changes_hands(d, origin_container, others, other.bound, 'item_id', other.item_id)
    end
  end
  local refusal = placement.stack_fits(d, item, facts, target_container, target_slot)
    or placement.stack_fits(d, other, others, origin_container, origin_slot)
  if refusal then
    return refusal
  end
  draft.exchange(d, item, other)
end
