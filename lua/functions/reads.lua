-- reads: which fields a call is going to ask for, so that they are read together.
-- requires: draft, names, placement, totals, view
--
-- Only for speed: what is not foreseen here is read when it is asked for. First comes what the commands
-- name, then what the items that they name lead to, then what those in their way lead to.

local reads = {}

local USED, MAP, EXTRA, STACKS, PLACE, FACTS = names.USED, names.MAP, names.EXTRA, names.STACKS, names.PLACE, names.FACTS
-- Commands by which there come to be more or fewer of a template.
local COUNTING = {consume = true, drop = true, use = true}

local function destination(command)
  local to = command.to
  if to then
    return to.container, to.slot
  elseif command.op == 'equip' then
    return 'equipment', command.slot
  end
  return command.container
end

local function add_container(fields, container)
  local count = #fields
  fields[count + 1] = USED[container]
  if MAP[container] then
    fields[count + 2], fields[count + 3] = MAP[container], EXTRA[container]
  end
end

local function add_stacks(fields, container, template_id)
  -- Where the template may lie in a container, the purse's one stack included.
  if STACKS[container] then
    fields[#fields + 1] = STACKS[container][template_id]
  elseif container ~= 'equipment' and PLACE[container] then
    fields[#fields + 1] = PLACE[container][template_id]
  end
end

function reads.named(commands)
  -- There is room for what one command names, so that the list need not grow.
  local fields = {nil, nil, nil, nil, nil, nil, nil, nil}
  for index = 1, #commands do
    local command = commands[index]
    if command.item_id then
      fields[#fields + 1] = 'item:' .. command.item_id
    end
    if command.template_id then
      fields[#fields + 1] = FACTS[command.template_id]
      fields[#fields + 1] = 'count:' .. command.template_id
    end
    local container, slot = destination(command)
    if PLACE[container] then
      add_container(fields, container)
      if slot then
        fields[#fields + 1] = PLACE[container][slot]
      end
    end
  end
  return fields
end

local function follow_template(d, fields, command)
  -- Wherever it may go by itself; or wherever it is looked for.
  local template_id, grants = command.template_id, command.op == 'grant'
  local facts = draft.facts(d, template_id)
  if command.container then
    add_stacks(fields, command.container, template_id)
    return
  end
  for _, container in ipairs(facts and (grants and RULESET.auto or RULESET.order) or {}) do
    local accepts = placement.filter_accepts(container, facts)
    if accepts then
      add_container(fields, container)
    end
    if accepts or (not grants and CONTAINERS[container].consumable) then
      add_stacks(fields, container, template_id)
    end
  end
end

local function follow_item(d, fields, command, item)
  -- Answers with the id of what is where the item goes.
  local container, slot = destination(command)
  local template_id, here = item.template_id, item.container
  fields[#fields + 1] = FACTS[template_id]
  if COUNTING[command.op] then
    fields[#fields + 1] = 'count:' .. template_id
  end
  if here ~= container or MAP[here] and rawget(d.fields, MAP[here]) == nil then
    add_container(fields, here)
  end
  add_stacks(fields, here, template_id)
  if container ~= here then
    add_stacks(fields, container, template_id)
  end
  if command.op == 'unequip' and not container then
    for _, auto in ipairs(RULESET.auto) do
      add_container(fields, auto)
      add_stacks(fields, auto, template_id)
    end
  end
  local other = slot and PLACE[container] and totals.text(d, PLACE[container][slot]) or ''
  if other ~= '' and other ~= item.item_id then
    fields[#fields + 1] = 'item:' .. other
    return other
  end
end

function reads.follow(d, commands)
  local fields, in_the_way = {nil, nil, nil, nil, nil, nil, nil, nil}, {}
  for index = 1, #commands do
    local command = commands[index]
    local item = command.item_id and draft.read(d, command.item_id)
    if item then
      local other = follow_item(d, fields, command, item)
      if other then
        in_the_way[#in_the_way + 1] = {item = item, other = other}
      end
    elseif command.template_id then
      follow_template(d, fields, command)
    end
  end
  view.fetch(d.fields, fields)
  fields = {nil, nil, nil, nil}
  for _, met in ipairs(in_the_way) do
    local item, other = met.item, draft.read(d, met.other)
    if other and other.template_id ~= item.template_id then
      fields[#fields + 1] = FACTS[other.template_id]
      add_stacks(fields, other.container, other.template_id)
      add_stacks(fields, item.container, other.template_id)
    end
  end
  view.fetch(d.fields, fields)
end
