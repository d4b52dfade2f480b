-- totals: the running totals of a session, by which a command costs the same for 20 items and for 2,000.
-- requires: bitmap
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
-- A total that is zero or empty has no field. They are read and written by way of the draft's view.

local totals = {}

function totals.number(d, field)
  return tonumber(d.view.get(field) or 0)
end

local function add(d, field, amount)
  local value = totals.number(d, field) + amount
  -- Not tostring, which rounds to 14 digits.
  d.view.set(field, value ~= 0 and string.format('%.0f', value) or nil)
end

function totals.bits(d, field)
  local text = d.view.get(field)
  return text and string.sub(text, 2, -2) or ''
end

local function set_bits(d, field, map)
  d.view.set(field, map ~= '' and '"' .. map .. '"' or nil)
end

function totals.add_used(d, container, template_id, slot, change)
  -- change: bitmap.insert or bitmap.delete.
  add(d, 'used:' .. container, change == bitmap.insert and 1 or -1)
  if container ~= 'equipment' and type(slot) == 'number' then
    local stacks = 'stacks:' .. container .. ':' .. template_id
    set_bits(d, 'map:' .. container, change(totals.bits(d, 'map:' .. container), slot))
    set_bits(d, stacks, change(totals.bits(d, stacks), slot))
  end
end

function totals.add_weight(d, container, facts, quantity)
  local unit = facts.weight or 0
  if unit ~= 0 and quantity ~= 0 and RULESET.weighs[container] then
    d.weight_before = d.weight_before or totals.number(d, 'weight')
    add(d, 'weight', unit * quantity)
  end
end

function totals.add_count(d, template_id, facts, quantity)
  if quantity == 0 then
    return
  end
  local count = totals.number(d, 'count:' .. template_id)
  if count == 0 then
    d.view.set('facts:' .. template_id, d.templates[template_id])
  elseif count + quantity == 0 then
    d.view.set('facts:' .. template_id, nil)
  end
  add(d, 'count:' .. template_id, quantity)
  if facts.limit_group then
    add(d, 'group:' .. facts.limit_group, quantity)
  end
end

function totals.add_worn(d, facts, sign, total, carry_limit)
  if facts.unique_equipped then
    add(d, 'worn:' .. facts.template_id, sign)
  end
  if facts.limit_group then
    add(d, 'worn_group:' .. facts.limit_group, sign)
  end
  local grants = facts.grants
  if not grants then
    return
  end
  for container, extra in pairs(grants.containers or {}) do
    d.totals_before[container] = d.totals_before[container] or total(d, container)
    add(d, 'extra:' .. container, sign * extra)
  end
  if grants.carry_weight then
    d.limit_before = d.limit_before or carry_limit(d)
    add(d, 'carry', sign * grants.carry_weight)
  end
end
