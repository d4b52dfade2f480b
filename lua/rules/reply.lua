-- reply: the JSON that a call answers with, written so that the gateway can send it as it is.
-- requires: codec, draft, totals

local reply = {}

local FLAG_TEXT, integer, slot_text = codec.FLAG_TEXT, codec.integer, codec.slot_text

function reply.item(item)
  return '{"item_id":"' .. item.item_id .. '","template_id":"' .. item.template_id
    .. '","quantity":' .. integer[item.quantity] .. ',"place":{"container":"' .. item.container
    .. '","slot":' .. slot_text[item.slot] .. '},"bound":' .. FLAG_TEXT[item.bound] .. ',"locked":'
    .. FLAG_TEXT[item.locked] .. ',"held":' .. FLAG_TEXT[item.held] .. '}'
end

local function listed(list, write)
  -- Nearly always there are one or two.
  if not list[1] then
    return ''
  elseif not list[2] then
    return write(list[1])
  elseif not list[3] then
    return write(list[1]) .. ',' .. write(list[2])
  end
  local texts = {}
  for index = 1, #list do
    texts[index] = write(list[index])
  end
  return table.concat(texts, ',')
end

local function quoted(text)
  return '"' .. text .. '"'
end

function reply.changes(changed, removed, actor_text)
  return '{"changed":[' .. listed(changed, reply.item) .. '],"removed":[' .. listed(removed, quoted) .. ']'
    .. (actor_text and ',"actor":' .. actor_text or '') .. '}'
end

local function room(d, container)
  local total = container == 'equipment' and RULESET.slot_count or draft.total(d, container)
  return '"' .. container .. '":{"used":' .. draft.used(d, container)
    .. ',"total":' .. (total and integer[total] or 'null') .. '}'
end

function reply.capacity(d)
  local touched, order, rooms = d.touched, RULESET.rooms, nil
  for index = 1, #order do
    local container = order[index]
    if touched[container] then
      rooms = rooms and rooms .. ',' .. room(d, container) or room(d, container)
    end
  end
  return '{"containers":{' .. (rooms or '') .. '},"weight":{"carried":' .. totals.digits(d, 'weight')
    .. ',"limit":' .. integer[draft.carry_limit(d)] .. '}}'
end

local function told_text(told)
  if told.effect then
    return '"effect":{"template_id":"' .. told.effect .. '"}'
  end
  return '"not_placed":' .. string.format('%.0f', told.not_placed)
end

function reply.told(d)
  -- A single thing that is told stands by itself; several stand each with its command's index.
  if not d.told then
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
