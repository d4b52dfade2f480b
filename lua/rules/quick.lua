-- quick: a whole item to another slot, the most usual call, done straight on the texts that are read.
-- requires: bitmap, codec, draft, guards, names, placement
--
-- It goes only where each of the rules plainly lets it go. Of anything else it answers nothing, and the
-- rules judge the command from its beginning: so nothing is refused here, and the two have to agree only
-- on what a move that is allowed comes to.

local quick = {}

local match, sub = string.match, string.sub
local MOVE = '^%[{"op":"move","item_id":"(%x+)","to":{"container":"([%l%d_]+)","slot":(%d+)}}%]$'
local RECORD, integer, flags_of, facts_in = codec.RECORD, codec.integer, codec.flags_of, codec.facts
local USED, MAP, EXTRA, STACKS, FACTS = names.USED, names.MAP, names.EXTRA, names.STACKS, names.FACTS
local ACTOR, WEIGHT, CARRY = names.ACTOR, names.WEIGHT, names.CARRY
-- Places in what is read: they follow the head as ``named`` names them.
local ITEM, OCCUPANT = names.HEAD_SIZE + 1, names.HEAD_SIZE + 2
local USED_THERE, EXTRA_THERE = names.HEAD_SIZE + 3, names.HEAD_SIZE + 4

-- Containers of slots for which no state of the actor matters, and out of which nothing changes hands;
-- and the order in which a reply has them.
local PLAIN, RANK = {}, {}
for rank, container in ipairs(RULESET.order) do
  local entry = CONTAINERS[container]
  PLAIN[container] = entry.kind == 'slots' and not entry.shared and #entry.locked_while == 0
    and #entry.open_while == 0 and #guards.FORBIDDING.move == 0
  RANK[container] = rank
end

function quick.command(text)
  -- Item id, container and slot, if it may be such a call.
  local item_id, container, slot = match(text, MOVE)
  if PLAIN[container] then
    return item_id, container, slot
  end
end

function quick.named(item_id, container, slot)
  return {'item:' .. item_id, 'at:' .. container .. ':' .. slot, USED[container], EXTRA[container]}
end

local function may_stand(facts, flags, quantity, container, slot, slots)
  return facts.kind ~= BOUNDS.unknown_kind and not flags_of[flags].held and slot < slots
    and quantity + 0 <= (facts.stack_limit or 1) and placement.filter_accepts(container, facts)
end

local function write(set, gone, field, text)
  if text then
    set[#set + 1], set[#set + 2] = field, text
  else
    gone[#gone + 1] = field
  end
end

local function stand(set, item_id, template_id, quantity, container, slot, flags)
  -- The item is in that place now; answers what the reply has of it.
  local count = #set
  set[count + 1], set[count + 2] = 'item:' .. item_id,
    '["' .. template_id .. '",' .. quantity .. ',"' .. container .. '",' .. slot .. ',' .. flags .. ']'
  set[count + 3], set[count + 4] = 'at:' .. container .. ':' .. slot, '"' .. item_id .. '"'
  return '{"item_id":"' .. item_id .. '","template_id":"' .. template_id .. '","quantity":' .. quantity
    .. ',"place":{"container":"' .. container .. '","slot":' .. slot .. '},' .. flags_of[flags].shown .. '}'
end

local function shift(set, gone, field, slot, text, other_field, other_slot, other_text)
  -- Out of the one bitmap and into the other, which may be the same: then there is one text.
  if field == other_field then
    write(set, gone, field, bitmap.replace(text or other_text, slot, other_slot))
    return
  end
  local map = bitmap.delete(sub(text, 2, -2), slot)
  write(set, gone, field, map ~= '' and '"' .. map .. '"')
  map = bitmap.insert(other_text and sub(other_text, 2, -2) or '', other_slot)
  write(set, gone, other_field, '"' .. map .. '"')
end

local function count(set, gone, field, text, added)
  local value = (text or 0) + added
  text = value ~= 0 and codec.digits(value)
  write(set, gone, field, text)
  return text or '0'
end

local function follow(read, template_id, here, there, third, swaps)
  -- What the item leads to: facts, its stacks there, and the third; and of another container it comes from.
  if here == there then
    return read(FACTS[template_id], STACKS[there][template_id], third)
  elseif swaps then
    return read(FACTS[template_id], STACKS[there][template_id], third, STACKS[here][template_id], USED[here],
      EXTRA[here])
  end
  return read(FACTS[template_id], STACKS[there][template_id], third, STACKS[here][template_id], USED[here],
    EXTRA[here], MAP[here])
end

local function room(container, used, slots)
  return '"' .. container .. '":{"used":' .. used .. ',"total":' .. integer[slots] .. '}'
end

function quick.move(head, read, item_id, there, slot)
  -- What is to be set and what to go, then changes and capacity as JSON; nothing if it is not so simple.
  -- ``read`` reads fields by their names.
  local template_id, quantity, here, from, flags = match(head[ITEM] or '', RECORD)
  local other_id = head[OCCUPANT] and sub(head[OCCUPANT], 2, -2)
  if not PLAIN[here] or other_id == item_id then
    return nil
  end
  -- The bitmap of what is filled is long in a big inventory, and does not change in a swap.
  local third = other_id and 'item:' .. other_id or MAP[there]
  local found = follow(read, template_id, here, there, third, other_id)
  local actor, facts, crosses = codec.actor[head[ACTOR]], facts_in[found[1]], here ~= there
  local from_index, index = from + 0, slot + 0
  local slots = draft.slots_of(there, actor, head[EXTRA_THERE] or 0)
  local here_slots = crosses and draft.slots_of(here, actor, found[6] or 0) or slots
  if not may_stand(facts, flags, quantity, there, index, slots) then
    return nil
  end
  local set, gone, load = {}, {}, (facts.weight or 0) * quantity
  local used, here_used = head[USED_THERE], found[5]
  local changed = stand(set, item_id, template_id, quantity, there, slot, flags)
  local stays = false
  if other_id then
    local other_template, other_quantity, _, _, other_flags = match(found[3], RECORD)
    local others, more = facts, nil
    stays = other_template == template_id
    if not stays then
      more = crosses and read(FACTS[other_template], STACKS[there][other_template], STACKS[here][other_template])
        or read(FACTS[other_template], STACKS[there][other_template])
      others = facts_in[more[1]]
      shift(set, gone, STACKS[there][other_template], index, more[2], STACKS[here][other_template], from_index, more[3])
    end
    if stays and (facts.stack_limit or 1) > 1
      or not may_stand(others, other_flags, other_quantity, here, from_index, here_slots) then
      return nil
    end
    changed = changed .. ',' .. stand(set, other_id, other_template, other_quantity, here, from, other_flags)
    load = load - (others.weight or 0) * other_quantity
  else
    write(set, gone, 'at:' .. here .. ':' .. from, nil)
    shift(set, gone, MAP[here], from_index, found[7], MAP[there], index, found[3])
    if crosses then
      here_used, used = count(set, gone, USED[here], here_used, -1), count(set, gone, USED[there], used, 1)
    end
  end
  if not stays then
    shift(set, gone, STACKS[here][template_id], from_index, found[4], STACKS[there][template_id], index, found[2])
  end
  local weight, limit = head[WEIGHT] or '0', draft.limit_of(actor, head[CARRY] or 0)
  if WEIGHS[here] ~= WEIGHS[there] and load ~= 0 then
    load = WEIGHS[there] and load or -load
    if load > 0 and weight + load > limit then
      return nil
    end
    weight = count(set, gone, 'weight', weight, load)
  end
  local rooms = room(there, used, slots)
  if crosses then
    local other_room = room(here, here_used, here_slots)
    rooms = RANK[here] < RANK[there] and other_room .. ',' .. rooms or rooms .. ',' .. other_room
  end
  return set, gone, '{"changed":[' .. changed .. '],"removed":[]}',
    '{"containers":{' .. rooms .. '},"weight":{"carried":' .. weight .. ',"limit":' .. integer[limit] .. '}}'
end
