-- draft: the working copy that a call's commands alter, one after the other.
-- requires: bitmap, codec, totals
--
-- It works on a view (get, set) of the session's fields. Where its twin recounts, this keeps totals.

local draft = {}

function draft.new(view, templates, id_prefix)
  return {
    view = view,
    templates = templates,
    id_prefix = id_prefix,
    items = {},
    before = {},
    touched = {},
    touched_containers = {},
    made = {},
    told = {},
    minted_count = 0,
    totals_before = {},
  }
end

function draft.begin(d, op_index)
  d.op_index, d.owed = op_index, nil
  d.weight_before, d.limit_before, d.totals_before = nil, nil, {}
end

-- reading

function draft.item(d, ref)
  if string.sub(ref, 1, 1) == '@' then
    ref = d.made[tonumber(string.sub(ref, 2))] or ''
  end
  local item = d.items[ref]
  if item == nil then
    local text = d.view.get('item:' .. ref)
    item = text and codec.item(ref, text) or false
    d.items[ref], d.before[ref] = item, text or false
  end
  return item or nil
end

function draft.has_known(d, item_id)
  return draft.item(d, item_id) ~= nil or d.touched[item_id] ~= nil
end

function draft.at(d, container, slot)
  local item_id = d.view.get('at:' .. container .. ':' .. slot)
  return item_id and draft.item(d, string.sub(item_id, 2, -2)) or nil
end

function draft.facts(d, template_id)
  local text = d.view.get('facts:' .. template_id) or d.templates[template_id]
  return text and codec.decoded(text) or nil
end

function draft.facts_of(d, item)
  return draft.facts(d, item.template_id)
end

function draft.actor(d)
  return d.new_actor or codec.decoded(d.view.get('actor'))
end

local function points(d, attribute)
  return attribute and draft.actor(d).attributes[attribute] or 0
end

function draft.total(d, container)
  local entry = RULESET.containers[container]
  if entry.kind ~= 'slots' then
    return nil
  end
  local own = math.max(0, entry.capacity + entry.per_point * points(d, entry.attribute))
  return math.min(own + totals.number(d, 'extra:' .. container), BOUNDS.capacity)
end

function draft.first_free(d, container)
  local total = draft.total(d, container)
  local slot = draft.lowest_gap(d, container)
  if total and slot >= total then
    return nil
  end
  return slot
end

function draft.lowest_gap(d, container)
  return bitmap.first_absent(totals.bits(d, 'map:' .. container))
end

function draft.highest(d, container)
  return bitmap.highest(totals.bits(d, 'map:' .. container))
end

function draft.stacks(d, container, template_id)
  local found = {}
  for index, slot in ipairs(bitmap.members(totals.bits(d, 'stacks:' .. container .. ':' .. template_id))) do
    found[index] = draft.at(d, container, slot)
  end
  return found
end

function draft.used(d, container)
  return totals.number(d, 'used:' .. container)
end

function draft.count(d, template_id)
  return totals.number(d, 'count:' .. template_id)
end

function draft.count_group(d, group)
  return totals.number(d, 'group:' .. group)
end

function draft.worn(d, template_id)
  return totals.number(d, 'worn:' .. template_id)
end

function draft.worn_group(d, group)
  return totals.number(d, 'worn_group:' .. group)
end

function draft.weight(d)
  return totals.number(d, 'weight')
end

function draft.carry_limit(d)
  local carry = RULESET.carry
  local naked = math.max(0, carry.base + carry.per_point * points(d, carry.attribute))
  return math.min(naked + totals.number(d, 'carry'), BOUNDS.carried)
end

function draft.minted(d)
  return d.minted_count
end

-- writing

local function touch(d, item, container)
  d.touched_containers[container] = true
  if not d.touched[item.item_id] then
    d.touched[item.item_id] = true
    d.touched[#d.touched + 1] = item.item_id
  end
end

function draft.lift(d, item)
  local container, facts = item.container, draft.facts_of(d, item)
  touch(d, item, container)
  d.view.set('at:' .. container .. ':' .. item.slot, nil)
  totals.add_used(d, container, item.template_id, item.slot, bitmap.delete)
  totals.add_weight(d, container, facts, -item.quantity)
  if container == 'equipment' then
    totals.add_worn(d, facts, -1, draft.total, draft.carry_limit)
  end
end

function draft.put(d, item, container, slot, quantity)
  local facts = draft.facts_of(d, item)
  touch(d, item, container)
  totals.add_count(d, item.template_id, facts, quantity - item.quantity)
  item.container, item.slot, item.quantity = container, slot, quantity
  d.view.set('at:' .. container .. ':' .. slot, '"' .. item.item_id .. '"')
  totals.add_used(d, container, item.template_id, slot, bitmap.insert)
  totals.add_weight(d, container, facts, quantity)
  if container == 'equipment' then
    item.bound = item.bound or facts.bind == 'equip'
    totals.add_worn(d, facts, 1, draft.total, draft.carry_limit)
  end
end

function draft.resize(d, item, quantity)
  local facts = draft.facts_of(d, item)
  touch(d, item, item.container)
  totals.add_weight(d, item.container, facts, quantity - item.quantity)
  totals.add_count(d, item.template_id, facts, quantity - item.quantity)
  item.quantity = quantity
end

function draft.set_locked(d, item, locked)
  touch(d, item, item.container)
  item.locked = locked
end

function draft.create(d, template_id, quantity, bound, locked, container, slot, item_id)
  d.minted_count = d.minted_count + 1
  item_id = item_id or d.id_prefix .. string.format('%08x', d.minted_count)
  d.made[d.op_index] = d.made[d.op_index] or item_id
  local item = {
    item_id = item_id,
    template_id = template_id,
    quantity = 0,
    bound = bound,
    locked = locked,
    held = false,
  }
  d.items[item_id], d.before[item_id] = item, false
  draft.put(d, item, container, slot, quantity)
end

function draft.destroy(d, item)
  totals.add_count(d, item.template_id, draft.facts_of(d, item), -item.quantity)
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

-- telling

function draft.tell(d, told)
  told.op_index = d.op_index
  d.told[#d.told + 1] = told
end

function draft.owe(d, refusal)
  d.owed = d.owed or refusal
end

function draft.store(d)
  -- Writes the altered items to the view, and answers which changed and which went.
  local changed, removed = {}, {}
  for _, item_id in ipairs(d.touched) do
    local item, before = d.items[item_id], d.before[item_id]
    local text = item and codec.item_text(item) or nil
    if text and text ~= before then
      changed[#changed + 1] = item
      d.view.set('item:' .. item_id, text)
    elseif not text and before then
      removed[#removed + 1] = item_id
      d.view.set('item:' .. item_id, nil)
    end
  end
  return changed, removed
end
