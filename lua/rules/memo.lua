-- memo: a table that makes what it is asked for and does not have, and keeps it.
-- requires:
--
-- What is kept is shared between calls, so it must never be altered. When it becomes too much all of it
-- is forgotten: to know what was asked for last would cost more than to make it again.

local KEPT_MAX = 5000

local function memo(make)
  local count = 0
  return setmetatable({}, {__index = function(kept, key)
    if count >= KEPT_MAX then
      for old in pairs(kept) do
        kept[old] = nil
      end
      count = 0
    end
    local made = make(key)
    kept[key], count = made, count + 1
    return made
  end})
end
