-- reply: the JSON that a call answers with, written so that the gateway can send it as it is.
-- requires: codec, draft

local reply = {}

function reply.item(item)
  return '{"item_id":"' .. item.item_id .. '","template_id":"' .. item.template_id
    .. '","quantity":' .. item.quantity .. ',"place":{"container":"' .. item.container
    .. '","slot":' .. codec.slot_text(item.slot) .. '},"bound":' .. tostring(item.bound)
    .. ',"locked":' .. tostring(item.locked) .. ',"held":' .. tostring(item.held) .. '}'
end

function reply.changes(changed, removed, actor_text)
  local items, ids = {}, {}
  for index, item in ipairs(changed) do
    items[index] = reply.item(item)
  end
  for index, item_id in ipairs(removed) do
    ids[index] = '"' .. item_id .. '"'
  end
  return '{"changed":[' .. table.concat(items, ',') .. '],"removed":[' .. table.concat(ids, ',') .. ']'
    .. (actor_text and ',"actor":' .. actor_text or '') .. '}'
end

function reply.capacity(d)
  local rooms = {}
  for _, container in ipairs(RULESET.rooms) do
    if d.touched_containers[container] then
      local total = container == 'equipment' and RULESET.slot_count or draft.total(d, container)
      rooms[#rooms + 1] = '"' .. container .. '":{"used":' .. draft.used(d, container)
        .. ',"total":' .. (total or 'null') .. '}'
    end
  end
  return '{"containers":{' .. table.concat(rooms, ',') .. '},"weight":{"carried":' .. string.format('%.0f', draft.weight(d))
    .. ',"limit":' .. string.format('%.0f', draft.carry_limit(d)) .. '}}'
end

local function told_text(told)
  if told.effect then
    return '"effect":{"template_id":"' .. told.effect .. '"}'
  end
  return '"not_placed":' .. string.format('%.0f', told.not_placed)
end

function reply.told(d)
  -- A single thing that is told stands by itself; several stand each with its command's index.
  if #d.told == 0 then
    return ''
  elseif #d.told == 1 then
    return ',' .. told_text(d.told[1])
  end
  local entries = {}
  for index, told in ipairs(d.told) do
    entries[index] = '{"op_index":' .. told.op_index .. ',' .. told_text(told) .. '}'
  end
  return ',"told":[' .. table.concat(entries, ',') .. ']'
end

function reply.body(seq, durable_seq, incarnation, changes, told, capacity)
  return '{"seq":' .. seq .. ',"durable_seq":' .. durable_seq .. ',"tag":"' .. incarnation .. '.' .. seq
    .. '","replayed":false,"changes":' .. changes .. told .. ',"capacity":' .. capacity .. '}'
end

function reply.replayed(body)
  return (string.gsub(body, '"replayed":false', '"replayed":true', 1))
end
