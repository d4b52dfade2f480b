-- names: what the fields of a session are called.
-- requires: memo
--
-- By container, and where there may be many by slot or template; nil where a container has no such field.

local names = {USED = {}, MAP = {}, EXTRA = {}, STACKS = {}, PLACE = {}}

for _, container in ipairs(RULESET.rooms) do
  local kind = container ~= 'equipment' and CONTAINERS[container].kind
  names.USED[container], names.EXTRA[container] = 'used:' .. container, 'extra:' .. container
  names.PLACE[container] = memo(function(slot)
    return 'at:' .. container .. ':' .. slot
  end)
  if kind == 'slots' or kind == 'mailbox' then
    names.MAP[container] = 'map:' .. container
    names.STACKS[container] = memo(function(template_id)
      return 'stacks:' .. container .. ':' .. template_id
    end)
  end
end

names.FACTS = memo(function(template_id)
  return 'facts:' .. template_id
end)

-- Places in the head, which is read by every call.
names.ACTOR, names.WEIGHT, names.CARRY, names.HEAD_SIZE = 9, 10, 11, 11
