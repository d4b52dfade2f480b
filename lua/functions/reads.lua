-- reads: which fields a call is going to ask for, so that they are read together.
-- requires: draft, names, totals, view
--
-- Only for speed: what is not foreseen here is read when it is asked for. First comes what the commands
-- name, then what the items that they name lead to, then what those in their way lead to.

local reads = {}

local USED, MAP, EXTRA, STACKS, PLACE, FACTS = names.USED, names.MAP, names.EXTRA, names.STACKS, names.PLACE, names.FACTS

local function add_container(fields, count, container)
  fields[count + 1] = USED[container]
  if MAP[container] then
    fields[count + 2], fields[count + 3] = MAP[container], EXTRA[container]
  end
end

local function destination(command)
  local to = command.to
  if to then
    return to.container, to.slot
  elseif command.op == 'equip' then
    return 'equipment', command.slot
  end
  return command.container
end

function reads.named(commands)
  -- There is room for what one command names, so that the list need not grow.
  local fields, count = {nil, nil, nil, nil, nil, nil}, 0
  for index = 1, #commands do
    local command = commands[index]
    local item_id, template_id = command.item_id, command.template_id
    if item_id then
      count = count + 1
      fields[count] = 'item:' .. item_id
    end
    if template_id then
      fields[count + 1], fields[count + 2] = FACTS[template_id], 'count:' .. template_id
      count = count + 2
    end
    local container, slot = destination(command)
    local places = PLACE[container]
    if places then
      if slot then
        count = count + 1
        fields[count] = places[slot]
      end
      add_container(fields, count, container)
      count = #fields
    end
  end
  return fields
end

local function add_stacks(fields, count, template_id, container, other_container)
  fields[count + 1] = FACTS[template_id]
  local stacks = STACKS[container]
  if stacks then
    count = count + 1
    fields[count + 1] = stacks[template_id]
  end
  stacks = STACKS[other_container]
  if stacks and other_container ~= container then
    fields[count + 2] = stacks[template_id]
  end
end

function reads.follow(d, commands)
  local fields, in_the_way = {nil, nil, nil, nil, nil, nil, nil, nil}, nil
  for index = 1, #commands do
    local command = commands[index]
    local item = command.item_id and draft.read(d, command.item_id)
    if item then
      local container, slot = destination(command)
      local here, count = item.container, #fields
      if here ~= container then
        add_container(fields, count, here)
        count = #fields
      end
      add_stacks(fields, count, item.template_id, here, container)
      local places = slot and PLACE[container]
      local other = places and totals.text(d, places[slot]) or ''
      if other ~= '' and other ~= item.item_id then
        fields[#fields + 1] = 'item:' .. other
        in_the_way = in_the_way or {}
        in_the_way[#in_the_way + 1], in_the_way[#in_the_way + 2] = item, other
      end
    end
  end
  if fields[1] then
    view.fetch(d.fields, fields)
  end
  if not in_the_way then
    return
  end
  fields = {nil, nil, nil, nil}
  for index = 1, #in_the_way, 2 do
    local item, other = in_the_way[index], draft.read(d, in_the_way[index + 1])
    if other and other.template_id ~= item.template_id then
      add_stacks(fields, #fields, other.template_id, other.container, item.container)
    end
  end
  if fields[1] then
    view.fetch(d.fields, fields)
  end
end
