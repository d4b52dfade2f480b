-- totals: the running totals of a session, by which a command costs the same for 20 items and for 2,000.
-- requires: bitmap, codec, names
--
-- The other side recounts all of this from the items whenever it is asked for. The fields:
--   used:<container>              filled slots
--   map:<container>               filled slots as a bitmap       (indexed containers)
--   stacks:<container>:<template> slots that hold the template   (indexed containers)
--   count:<template>              how many there are in the whole session
--   group:<group>                 the same for a limit group
--   worn:<template>               slots of the doll that hold it (unique-equipped templates)
--   worn_group:<group>            slots of the doll that hold items of a limit group
--   extra:<container>, carry      slots and carry weight that worn items grant
--   weight                        weight carried
-- A total that is zero or empty has no field. What a call adds to a number is kept apart from the
-- number, and only where that is not zero in the end is the number made and written.

local totals = {}

local sub = string.sub
local USED, MAP, STACKS = names.USED, names.MAP, names.STACKS

function totals.number(d, field)
  return (d.fields[field] or 0) + (d.added[field] or 0)
end

function totals.digits(d, field)
  if not d.added[field] then
    return d.fields[field] or '0'
  end
  return codec.digits(totals.number(d, field))
end

function totals.add(d, field, amount)
  local added = d.added
  added[field] = (added[field] or 0) + amount
end

function totals.text(d, field)
  -- What a field holds between its quotes, '' where it is absent.
  local text = d.texts[field]
  if text == nil then
    text = d.fields[field]
    text = text and sub(text, 2, -2) or ''
    d.texts[field] = text
  end
  return text
end

local add, text_of = totals.add, totals.text

function totals.add_used(d, container, slot, change)
  -- change: bitmap.insert or bitmap.delete.
  add(d, USED[container], change == bitmap.insert and 1 or -1)
  local map = MAP[container]
  if map then
    d.texts[map] = change(text_of(d, map), slot)
  end
end

function totals.add_stack(d, container, template_id, slot, change)
  local stacks = STACKS[container]
  if stacks then
    local field = stacks[template_id]
    d.texts[field] = change(text_of(d, field), slot)
  end
end

function totals.add_weight(d, container, facts, quantity)
  local unit = facts.weight or 0
  if unit ~= 0 and quantity ~= 0 and WEIGHS[container] then
    d.weight_before = d.weight_before or totals.number(d, 'weight')
    totals.add(d, 'weight', unit * quantity)
  end
end

function totals.add_count(d, template_id, facts, quantity)
  if quantity == 0 then
    return
  end
  local count = totals.number(d, 'count:' .. template_id)
  if count == 0 or count + quantity == 0 then
    d.facts = d.facts or {}
    d.facts[template_id] = count == 0 and d.templates[template_id]
  end
  totals.add(d, 'count:' .. template_id, quantity)
  if facts.limit_group then
    totals.add(d, 'group:' .. facts.limit_group, quantity)
  end
end

function totals.add_worn(d, facts, sign, total, carry_limit)
  if facts.unique_equipped then
    totals.add(d, 'worn:' .. facts.template_id, sign)
  end
  if facts.limit_group then
    totals.add(d, 'worn_group:' .. facts.limit_group, sign)
  end
  local grants = facts.grants
  if not grants then
    return
  end
  for container, extra in pairs(grants.containers or {}) do
    d.totals_before = d.totals_before or {}
    d.totals_before[container] = d.totals_before[container] or total(d, container)
    totals.add(d, names.EXTRA[container], sign * extra)
  end
  if grants.carry_weight then
    d.limit_before = d.limit_before or carry_limit(d)
    totals.add(d, 'carry', sign * grants.carry_weight)
  end
end

function totals.store(d, set, gone)
  -- Adds the fields that have another value now to what is to be set and what is to go.
  local fields, count = d.fields, #set
  for field, added in pairs(d.added) do
    if added ~= 0 then
      local value = (fields[field] or 0) + added
      if value == 0 then
        gone[#gone + 1] = field
      else
        set[count + 1], set[count + 2], count = field, codec.digits(value), count + 2
      end
    end
  end
  for field, text in pairs(d.texts) do
    local before = fields[field]
    text = text ~= '' and '"' .. text .. '"'
    if text and text ~= before then
      set[count + 1], set[count + 2], count = field, text, count + 2
    elseif before and not text then
      gone[#gone + 1] = field
    end
  end
end
