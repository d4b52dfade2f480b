-- draft: the working copy that a call's commands alter, one after the other.
-- requires: bitmap, codec
--
-- It works on a view (get, set) of the session's fields. Where its twin recounts, this keeps
-- running totals, so that a command costs the same for 20 items and for 2,000:
--   used:<container>              filled slots
--   map:<container>               filled slots as a bitmap       (indexed containers)
--   stacks:<container>:<template> slots that hold the template   (indexed containers)
--   count:<template>              how many there are in the whole session
--   extra:<container>, carry      slots and carry weight that worn items grant
--   weight                        weight carried
-- A total that is zero or empty has no field.

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
    minted_count = 0,
    totals_before = {},
  }
end

function draft.begin(d, op_index)
  d.op_index = op_index
  d.weight_before, d.limit_before, d.totals_before = nil, nil, {}
end

local function number(d, field)
  return tonumber(d.view.get(field) or 0)
end

local function set_number(d, field, value)
  -- Not tostring, which rounds to 14 digits.
  d.view.set(field, value ~= 0 and string.format('%.0f', value) or nil)
end

local function set_text(d, field, value)
  d.view.set(field, value ~= '' and '"' .. value .. '"' or nil)
end

local function bits(d, field)
  local text = d.view.get(field)
  return text and string.sub(text, 2, -2) or ''
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

function draft.total(d, container)
  local entry = RULESET.containers[container]
  if entry.kind ~= 'slots' then
    return nil
  end
  return math.min(entry.capacity + number(d, 'extra:' .. container), BOUNDS.capacity)
end

function draft.first_free(d, container)
  local total = draft.total(d, container)
  local slot = bitmap.first_absent(bits(d, 'map:' .. container))
  if total and slot >= total then
    return nil
  end
  return slot
end

function draft.highest(d, container)
  return bitmap.highest(bits(d, 'map:' .. container))
end

function draft.stacks(d, container, template_id)
  local found = {}
  for index, slot in ipairs(bitmap.members(bits(d, 'stacks:' .. container .. ':' .. template_id))) do
    found[index] = draft.at(d, container, slot)
  end
  return found
end

function draft.used(d, container)
  return number(d, 'used:' .. container)
end

function draft.weight(d)
  return number(d, 'weight')
end

function draft.carry_limit(d)
  local carry, points = RULESET.carry, 0
  if carry.attribute then
    points = draft.actor(d).attributes[carry.attribute] or 0
  end
  local naked = math.max(0, carry.base + carry.per_point * points)
  return math.min(naked + number(d, 'carry'), BOUNDS.carried)
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

local function add_weight(d, container, facts, quantity)
  local unit = facts.weight or 0
  if unit ~= 0 and RULESET.weighs[container] then
    local weight = number(d, 'weight')
    d.weight_before = d.weight_before or weight
    set_number(d, 'weight', weight + unit * quantity)
  end
end

local function add_count(d, template_id, quantity)
  if quantity == 0 then
    return
  end
  local count = number(d, 'count:' .. template_id)
  if count == 0 then
    d.view.set('facts:' .. template_id, d.templates[template_id])
  elseif count + quantity == 0 then
    d.view.set('facts:' .. template_id, nil)
  end
  set_number(d, 'count:' .. template_id, count + quantity)
end

local function add_grants(d, facts, sign)
  local grants = facts.grants
  if not grants then
    return
  end
  for container, extra in pairs(grants.containers or {}) do
    d.totals_before[container] = d.totals_before[container] or draft.total(d, container)
    set_number(d, 'extra:' .. container, number(d, 'extra:' .. container) + sign * extra)
  end
  if grants.carry_weight then
    d.limit_before = d.limit_before or draft.carry_limit(d)
    set_number(d, 'carry', number(d, 'carry') + sign * grants.carry_weight)
  end
end

function draft.lift(d, item)
  local container, slot = item.container, item.slot
  touch(d, item, container)
  d.view.set('at:' .. container .. ':' .. slot, nil)
  set_number(d, 'used:' .. container, number(d, 'used:' .. container) - 1)
  local facts = draft.facts_of(d, item)
  add_weight(d, container, facts, -item.quantity)
  if container == 'equipment' then
    add_grants(d, facts, -1)
  elseif type(slot) == 'number' then
    local stacks = 'stacks:' .. container .. ':' .. item.template_id
    set_text(d, 'map:' .. container, bitmap.delete(bits(d, 'map:' .. container), slot))
    set_text(d, stacks, bitmap.delete(bits(d, stacks), slot))
  end
end

function draft.put(d, item, container, slot, quantity)
  touch(d, item, container)
  add_count(d, item.template_id, quantity - item.quantity)
  item.container, item.slot, item.quantity = container, slot, quantity
  d.view.set('at:' .. container .. ':' .. slot, '"' .. item.item_id .. '"')
  set_number(d, 'used:' .. container, number(d, 'used:' .. container) + 1)
  local facts = draft.facts_of(d, item)
  add_weight(d, container, facts, quantity)
  if container == 'equipment' then
    add_grants(d, facts, 1)
  elseif type(slot) == 'number' then
    local stacks = 'stacks:' .. container .. ':' .. item.template_id
    set_text(d, 'map:' .. container, bitmap.insert(bits(d, 'map:' .. container), slot))
    set_text(d, stacks, bitmap.insert(bits(d, stacks), slot))
  end
end

function draft.resize(d, item, quantity)
  touch(d, item, item.container)
  add_weight(d, item.container, draft.facts_of(d, item), quantity - item.quantity)
  add_count(d, item.template_id, quantity - item.quantity)
  item.quantity = quantity
end

function draft.create(d, template_id, quantity, bound, container, slot)
  d.minted_count = d.minted_count + 1
  local item_id = d.id_prefix .. string.format('%08x', d.minted_count)
  d.made[d.op_index] = d.made[d.op_index] or item_id
  local item = {
    item_id = item_id,
    template_id = template_id,
    quantity = 0,
    bound = bound,
    locked = false,
    held = false,
  }
  d.items[item_id], d.before[item_id] = item, false
  draft.put(d, item, container, slot, quantity)
end

function draft.destroy(d, item)
  add_count(d, item.template_id, -item.quantity)
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
