-- bitmap: sets of slot numbers as hex text, lowest slots first: four slots a digit, no trailing "0".
-- requires:

local bitmap = {}

local VALUE, DIGIT = {}, {}
for value = 0, 15 do
  local digit = ({'0','1','2','3','4','5','6','7','8','9','a','b','c','d','e','f'})[value + 1]
  VALUE[digit], DIGIT[value] = value, digit
end
local BIT = {[0] = 1, 2, 4, 8}

local function has(value, bit)
  return value % (2 * bit) >= bit
end

function bitmap.insert(map, slot)
  local at, bit = math.floor(slot / 4), BIT[slot % 4]
  if #map <= at then
    map = map .. string.rep('0', at + 1 - #map)
  end
  local value = VALUE[string.sub(map, at + 1, at + 1)]
  if has(value, bit) then
    return map
  end
  return string.sub(map, 1, at) .. DIGIT[value + bit] .. string.sub(map, at + 2)
end

function bitmap.delete(map, slot)
  local at, bit = math.floor(slot / 4), BIT[slot % 4]
  if at >= #map then
    return map
  end
  local value = VALUE[string.sub(map, at + 1, at + 1)]
  if not has(value, bit) then
    return map
  end
  if value == bit and at + 1 == #map then
    -- The last of all goes, and the zeros before it.
    local gone = string.match(string.reverse(map), '^0*()', 2) - 1
    return string.sub(map, 1, #map - gone)
  end
  return string.sub(map, 1, at) .. DIGIT[value - bit] .. string.sub(map, at + 2)
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
