-- draft: the working copy that a call's commands alter (draft_changes), one after the other.
-- requires: bitmap, codec, names, totals
--
-- It works on the session's fields, a table that reads a field when it is asked for. Where its twin
-- recounts, this keeps totals. What only some commands need is not there until they do.

local draft = {}

local PLACE, USED, MAP, EXTRA, STACKS = names.PLACE, names.USED, names.MAP, names.EXTRA, names.STACKS
local AT_SIGN, byte, max, min, text_of = string.byte('@'), string.byte, math.max, math.min, totals.text

function draft.new(fields, fetch, templates, id_prefix)
  -- ``fetch`` puts many fields at once into ``fields``, by a list of their names.
  return {
    fields = fields,
    fetch = fetch,
    templates = templates,
    id_prefix = id_prefix,
    items = {},
    touched = {},
    texts = {},
    added = {},
    minted_count = 0,
    op_index = 0,
  }
end

function draft.begin(d, op_index)
  if op_index > 0 then
    d.op_index, d.owed = op_index, nil
    d.weight_before, d.limit_before, d.totals_before = nil, nil, nil
  end
end

-- reading

function draft.read(d, ref)
  -- An item without its facts, or false.
  if byte(ref) == AT_SIGN then
    ref = d.made and d.made[tonumber(string.sub(ref, 2))] or ''
  end
  local item = d.items[ref]
  if item == nil then
    local text = d.fields['item:' .. ref]
    item = text and codec.item(ref, text)
    d.items[ref] = item
  end
  return item
end

function draft.item(d, ref)
  local item = d.items[ref]
  if item == nil then
    item = draft.read(d, ref)
  end
  if item and not item.facts then
    item.facts = draft.facts(d, item.template_id)
  end
  return item or nil
end

function draft.has_known(d, item_id)
  if draft.item(d, item_id) then
    return true
  end
  for _, item in ipairs(d.touched) do
    if item.item_id == item_id then
      return true
    end
  end
  return false
end

function draft.at(d, container, slot)
  local item_id = text_of(d, PLACE[container][slot])
  return item_id ~= '' and draft.item(d, item_id) or nil
end

function draft.facts(d, template_id)
  local text = d.facts and d.facts[template_id]
  if text == nil then
    text = d.fields[names.FACTS[template_id]]
  end
  text = text or d.templates[template_id]
  return text and codec.facts[text] or nil
end

function draft.actor(d)
  return d.new_actor or codec.actor[d.fields.actor]
end

local function points(actor, attribute)
  return attribute and actor.attributes[attribute] or 0
end

function draft.slots_of(container, actor, extra)
  -- How many slots there are, for an actor with so many more by what is worn.
  local entry = CONTAINERS[container]
  local own = max(0, entry.capacity + entry.per_point * points(actor, entry.attribute))
  return min(own + extra, BOUNDS.capacity)
end

function draft.total(d, container)
  if CONTAINERS[container].kind ~= 'slots' then
    return nil
  end
  return draft.slots_of(container, draft.actor(d), totals.number(d, EXTRA[container]))
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
  return bitmap.first_absent(text_of(d, MAP[container]))
end

function draft.highest(d, container)
  return bitmap.highest(text_of(d, MAP[container]))
end

function draft.stacks(d, container, template_id)
  local found, wanted = {}, {}
  local slots = bitmap.members(text_of(d, STACKS[container][template_id]))
  for index, slot in ipairs(slots) do
    wanted[index] = PLACE[container][slot]
  end
  d.fetch(d.fields, wanted)
  for index, place in ipairs(wanted) do
    wanted[index] = 'item:' .. text_of(d, place)
  end
  d.fetch(d.fields, wanted)
  for index, slot in ipairs(slots) do
    found[index] = draft.at(d, container, slot)
  end
  return found
end

function draft.used(d, container)
  return totals.digits(d, USED[container])
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

function draft.limit_of(actor, granted)
  -- The most that may be carried, by an actor to whom worn items grant so much of it.
  local carry = RULESET.carry
  local naked = max(0, carry.base + carry.per_point * points(actor, carry.attribute))
  return min(naked + granted, BOUNDS.carried)
end

function draft.carry_limit(d)
  return draft.limit_of(draft.actor(d), totals.number(d, 'carry'))
end

function draft.minted(d)
  return d.minted_count
end

-- telling

function draft.tell(d, told)
  told.op_index = d.op_index
  d.told = d.told or {}
  d.told[#d.told + 1] = told
end

function draft.owe(d, refusal)
  d.owed = d.owed or refusal
end

function draft.store(d, set, gone)
  -- Adds to what is to be set and what is to go, and answers which items changed and which went.
  local changed, removed = {}, {}
  local touched, items = d.touched, d.items
  for index = 1, #touched do
    local item = touched[index]
    local item_id, before = item.item_id, item.before
    local text = items[item_id] and codec.item_text(item)
    if text and text ~= before then
      changed[#changed + 1] = item
      set[#set + 1], set[#set + 2] = 'item:' .. item_id, text
    elseif before and not text then
      removed[#removed + 1] = item_id
      gone[#gone + 1] = 'item:' .. item_id
    end
  end
  for template_id, text in pairs(d.facts or {}) do
    local field = names.FACTS[template_id]
    if text and text ~= d.fields[field] then
      set[#set + 1], set[#set + 2] = field, text
    elseif not text and d.fields[field] then
      gone[#gone + 1] = field
    end
  end
  totals.store(d, set, gone)
  return changed, removed
end
