-- apply: a call's commands in order, all or nothing.
-- requires: draft, guards, equip, unequip, move, grant, consume, use, drop, lock, set_actor

local function dispatch(d, command)
  local op = command.op
  if op == 'move' then
    return move.move(d, command)
  elseif op == 'equip' then
    return equip(d, command)
  elseif op == 'unequip' then
    return unequip(d, command)
  elseif op == 'grant' then
    return grant.grant(d, command)
  elseif op == 'consume' then
    return consume.consume(d, command)
  elseif op == 'use' then
    return use(d, command)
  elseif op == 'drop' then
    return drop(d, command)
  elseif op == 'lock' then
    return lock.lock(d, command)
  elseif op == 'unlock' then
    return lock.unlock(d, command)
  elseif op == 'set_actor' then
    return set_actor(d, command)
  end
  error('not a command of the mirror: ' .. tostring(op))
end

local function judged(d, command)
  return dispatch(d, command)
    or (command.op ~= 'set_actor' and guards.room(d))
    or d.owed
end

local function apply(d, commands)
  for position = 1, #commands do
    draft.begin(d, position - 1)
    local refusal = judged(d, commands[position])
    if refusal then
      refusal.op_index = position - 1
      return refusal
    end
  end
end
