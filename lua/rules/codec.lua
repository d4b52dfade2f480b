-- codec: the JSON texts that a session's fields hold, read and written.
-- requires: memo
--
-- Item records are read by one pattern and written by concatenation, several times cheaper than a
-- JSON library, and safe because every string in them is spelled in an alphabet that needs no
-- escapes. Texts of numbers are kept: to format one costs as much as ten guards.

local codec = {}

local match = string.match
local RECORD = '^%["([^"]+)",(%d+),"([^"]+)",([^,]+),(.+)%]$'

-- By their texts, as long as these are the same: so what they decode to must never be altered.
local function decode(text)
  return cjson.decode(text)
end

codec.facts, codec.actor = memo(decode), memo(decode)

codec.integer = memo(function(value)
  -- Not tostring, which rounds to 14 digits.
  return string.format('%.0f', value)
end)

function codec.digits(value)
  -- The same of numbers that hardly ever come again when they are large, as weights.
  return value < 1000 and codec.integer[value] or string.format('%.0f', value)
end

codec.slot_text = memo(function(slot)
  return type(slot) == 'number' and codec.integer[slot] or '"' .. slot .. '"'
end)

local scalar = memo(function(text)
  return tonumber(text) or string.sub(text, 2, -2)
end)

local FLAG_TEXT = {[true] = 'true', [false] = 'false'}
codec.FLAG_TEXT = FLAG_TEXT

-- Of an item's flags as its record has them.
local flags_of = memo(function(text)
  local bound, locked, held = match(text, '^(%l+),(%l+),(%l+)$')
  return {
    bound = bound == 'true',
    locked = locked == 'true',
    held = held == 'true',
    shown = '"bound":' .. bound .. ',"locked":' .. locked .. ',"held":' .. held,
  }
end)

codec.flags_of, codec.RECORD = flags_of, RECORD

local integer, slot_text = codec.integer, codec.slot_text

function codec.item(item_id, text)
  local template_id, quantity, container, slot, flags_text = match(text, RECORD)
  local flags = flags_of[flags_text]
  return {
    item_id = item_id,
    template_id = template_id,
    quantity = scalar[quantity],
    container = container,
    slot = scalar[slot],
    bound = flags.bound,
    locked = flags.locked,
    held = flags.held,
    before = text,
  }
end

function codec.item_text(item)
  return '["' .. item.template_id .. '",' .. integer[item.quantity] .. ',"' .. item.container .. '",'
    .. slot_text[item.slot] .. ',' .. FLAG_TEXT[item.bound] .. ',' .. FLAG_TEXT[item.locked] .. ','
    .. FLAG_TEXT[item.held] .. ']'
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
