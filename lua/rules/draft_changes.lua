-- draft_changes: how commands alter a draft, its totals with it.
-- requires: bitmap, draft, names, totals
--
-- It adds to the draft's own table, so that a rule reads as its twin does.

local PLACE = names.PLACE
local add_stack, add_used, add_weight = totals.add_stack, totals.add_used, totals.add_weight

local function touch(d, item, container)
  local touched = d.touched
  touched[container] = true
  if not item.touched then
    item.touched = true
    touched[#touched + 1] = item
  end
end

local function leave(d, item)
  local container = item.container
  local place = PLACE[container][item.slot]
  touch(d, item, container)
  if d.texts[place] == nil then
    -- What is there is known without reading.
    d.fields[place] = '"' .. item.item_id .. '"'
  end
  d.texts[place] = ''
  if container == 'equipment' then
    totals.add_worn(d, item.facts, -1, draft.total, draft.carry_limit)
  end
end

local function arrive(d, item, container, slot)
  local place = PLACE[container][slot]
  touch(d, item, container)
  if d.texts[place] == nil then
    d.fields[place] = false
  end
  d.texts[place] = item.item_id
  item.container, item.slot = container, slot
  if container == 'equipment' then
    item.bound = item.bound or item.facts.bind == 'equip'
    totals.add_worn(d, item.facts, 1, draft.total, draft.carry_limit)
  end
end

function draft.lift(d, item)
  local container, slot = item.container, item.slot
  leave(d, item)
  add_used(d, container, slot, bitmap.delete)
  add_stack(d, container, item.template_id, slot, bitmap.delete)
  add_weight(d, container, item.facts, -item.quantity)
end

function draft.put(d, item, container, slot, quantity)
  if quantity ~= item.quantity then
    totals.add_count(d, item.template_id, item.facts, quantity - item.quantity)
    item.quantity = quantity
  end
  arrive(d, item, container, slot)
  add_used(d, container, slot, bitmap.insert)
  add_stack(d, container, item.template_id, slot, bitmap.insert)
  add_weight(d, container, item.facts, quantity)
end

function draft.exchange(d, item, other)
  local here, slot, there, other_slot = item.container, item.slot, other.container, other.slot
  local template_id, other_template_id = item.template_id, other.template_id
  leave(d, item)
  arrive(d, item, there, other_slot)
  arrive(d, other, here, slot)
  -- Both places stay filled, so only what is told apart by template or weight can change.
  if template_id ~= other_template_id then
    add_stack(d, here, template_id, slot, bitmap.delete)
    add_stack(d, there, template_id, other_slot, bitmap.insert)
    add_stack(d, there, other_template_id, other_slot, bitmap.delete)
    add_stack(d, here, other_template_id, slot, bitmap.insert)
  end
  if WEIGHS[here] ~= WEIGHS[there] then
    add_weight(d, here, item.facts, -item.quantity)
    add_weight(d, there, item.facts, item.quantity)
    add_weight(d, there, other.facts, -other.quantity)
    add_weight(d, here, other.facts, other.quantity)
  end
end

function draft.resize(d, item, quantity)
  touch(d, item, item.container)
  add_weight(d, item.container, item.facts, quantity - item.quantity)
  totals.add_count(d, item.template_id, item.facts, quantity - item.quantity)
  item.quantity = quantity
end

function draft.set_locked(d, item, locked)
  touch(d, item, item.container)
  item.locked = locked
end

function draft.create(d, template_id, quantity, bound, locked, container, slot, item_id)
  d.minted_count = d.minted_count + 1
  item_id = item_id or d.id_prefix .. string.format('%08x', d.minted_count)
  d.made = d.made or {}
  d.made[d.op_index] = d.made[d.op_index] or item_id
  local item = {
    item_id = item_id,
    template_id = template_id,
    quantity = 0,
    bound = bound,
    locked = locked,
    held = false,
    facts = draft.facts(d, template_id),
  }
  d.items[item_id] = item
  draft.put(d, item, container, slot, quantity)
end

function draft.destroy(d, item)
  totals.add_count(d, item.template_id, item.facts, -item.quantity)
  d.items[item.item_id] = false
end

function draft.take(d, item, quantity)
  if quantity == item.quantity then
    draft.lift(d, item)
    draft.destroy(d, item)
  else
    draft.resize(d, item, item.quantity - quantity)
  end
end
