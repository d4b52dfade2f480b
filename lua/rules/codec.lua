-- codec: the JSON texts that a session's fields hold, read and written.
-- requires:
--
-- Item records are read by one pattern and written by concatenation, several times cheaper than a
-- JSON library, and safe because every string in them is spelled in an alphabet that needs no
-- escapes. Decoded facts and actors are kept by their text: the same text means the same table,
-- so they must never be altered.

local codec = {}

local KEPT_MAX = 20000
local kept, kept_count = {}, 0
local RECORD = '^%["([^"]+)",(%d+),"([^"]+)",("?)([^",]+)"?,(%l+),(%l+),(%l+)%]$'

function codec.item(item_id, text)
  local template_id, quantity, container, quote, slot, bound, locked, held = string.match(text, RECORD)
  return {
    item_id = item_id,
    template_id = template_id,
    quantity = tonumber(quantity),
    container = container,
    slot = quote == '' and tonumber(slot) or slot,
    bound = bound == 'true',
    locked = locked == 'true',
    held = held == 'true',
  }
end

function codec.slot_text(slot)
  return type(slot) == 'number' and tostring(slot) or '"' .. slot .. '"'
end

function codec.item_text(item)
  return '["' .. item.template_id .. '",' .. item.quantity .. ',"' .. item.container .. '",'
    .. codec.slot_text(item.slot) .. ',' .. tostring(item.bound) .. ',' .. tostring(item.locked)
    .. ',' .. tostring(item.held) .. ']'
end

function codec.decoded(text)
  local value = kept[text]
  if value == nil then
    if kept_count >= KEPT_MAX then
      kept, kept_count = {}, 0
    end
    value = cjson.decode(text)
    kept[text], kept_count = value, kept_count + 1
  end
  return value
end

function codec.actor_text(actor)
  local attributes, states = {}, {}
  for _, name in ipairs(RULESET.attributes) do
    if actor.attributes[name] then
      attributes[#attributes + 1] = '"' .. name .. '":' .. actor.attributes[name]
    end
  end
  for _, state in ipairs(actor.states) do
    states[#states + 1] = '"' .. state .. '"'
  end
  return '{"level":' .. actor.level .. ',"class":"' .. actor['class'] .. '","attributes":{'
    .. table.concat(attributes, ',') .. '},"states":[' .. table.concat(states, ',') .. ']}'
end
