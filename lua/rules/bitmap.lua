-- bitmap: sets of slot numbers as hex text, lowest slots first: four slots a digit, no trailing "0".
-- requires: memo

local bitmap = {}

local rep, sub = string.rep, string.sub
local VALUE, DIGIT = {}, {}
for value = 0, 15 do
  local digit = sub('0123456789abcdef', value + 1, value + 1)
  VALUE[digit], DIGIT[value] = value, digit
end
local BIT = {[0] = 1, 2, 4, 8}

local function has(value, bit)
  return value % (2 * bit) >= bit
end

-- As many zeros as the largest container may need; to cut some off is cheaper than to repeat one.
local ZEROS = rep('0', BOUNDS.capacity / 4)

local function zeros(count)
  return count <= #ZEROS and sub(ZEROS, 1, count) or rep('0', count)
end

local RUN = memo(zeros)

local function last_filled(map, size)
  -- The last of so many digits that is not zero. Hundreds of zeros may follow it: they are found in
  -- runs, each half as long as the one before.
  local step = 1
  while 2 * step <= size do
    step = 2 * step
  end
  while step >= 1 do
    while size >= step and sub(map, size - step + 1, size) == RUN[step] do
      size = size - step
    end
    step = step / 2
  end
  return size
end

-- The set of one slot, as most templates have it; kept for slots as most containers have them.
local KEPT_SLOTS = 256
local kept_alone = memo(function(slot)
  return zeros(math.floor(slot / 4)) .. DIGIT[BIT[slot % 4]]
end)

function bitmap.insert(map, slot)
  if map == '' and slot < KEPT_SLOTS then
    return kept_alone[slot]
  end
  local rest = slot % 4
  local at, bit = (slot - rest) / 4 + 1, BIT[rest]
  if at > #map then
    return map .. zeros(at - 1 - #map) .. DIGIT[bit]
  end
  local value = VALUE[sub(map, at, at)]
  if has(value, bit) then
    return map
  end
  return sub(map, 1, at - 1) .. DIGIT[value + bit] .. sub(map, at + 1)
end

function bitmap.delete(map, slot)
  if slot < KEPT_SLOTS and map == kept_alone[slot] then
    return ''
  end
  local rest = slot % 4
  local at, bit = (slot - rest) / 4 + 1, BIT[rest]
  local value = VALUE[sub(map, at, at)]
  if not value or not has(value, bit) then
    return map
  end
  if value == bit and at == #map then
    -- The last of its digit goes, and the zeros before it.
    return sub(map, 1, last_filled(map, at - 1))
  end
  return sub(map, 1, at - 1) .. DIGIT[value - bit] .. sub(map, at + 1)
end

function bitmap.replace(text, slot, other)
  -- The one goes and the other comes, in the set as its field has it, in quotes: a long text is copied once.
  local rest, other_rest = slot % 4, other % 4
  local at, other_at = (slot - rest) / 4 + 2, (other - other_rest) / 4 + 2
  local value, other_value = VALUE[sub(text, at, at)], VALUE[sub(text, other_at, other_at)]
  if at == other_at then
    return sub(text, 1, at - 1) .. DIGIT[value - BIT[rest] + BIT[other_rest]] .. sub(text, at + 1)
  elseif not other_value or (at == #text - 1 and value == BIT[rest]) then
    return '"' .. bitmap.insert(bitmap.delete(sub(text, 2, -2), slot), other) .. '"'
  end
  local digit, other_digit = DIGIT[value - BIT[rest]], DIGIT[other_value + BIT[other_rest]]
  if at < other_at then
    return sub(text, 1, at - 1) .. digit .. sub(text, at + 1, other_at - 1) .. other_digit .. sub(text, other_at + 1)
  end
  return sub(text, 1, other_at - 1) .. other_digit .. sub(text, other_at + 1, at - 1) .. digit .. sub(text, at + 1)
end

function bitmap.first_absent(map)
  local at = string.match(map, '^f*()')
  if at > #map then
    return #map * 4
  end
  local value = VALUE[string.sub(map, at, at)]
  for bit = 0, 3 do
    if not has(value, BIT[bit]) then
      return (at - 1) * 4 + bit
    end
  end
end

function bitmap.highest(map)
  if map == '' then
    return -1
  end
  local value = VALUE[string.sub(map, -1)]
  for bit = 3, 0, -1 do
    if has(value, BIT[bit]) then
      return (#map - 1) * 4 + bit
    end
  end
end

function bitmap.members(map)
  local slots = {}
  local at = string.match(map, '^0*()')
  while at <= #map do
    local value = VALUE[string.sub(map, at, at)]
    for bit = 0, 3 do
      if has(value, BIT[bit]) then
        slots[#slots + 1] = (at - 1) * 4 + bit
      end
    end
    at = string.match(map, '^0*()', at + 1)
  end
  return slots
end
