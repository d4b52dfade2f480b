-- set_actor: the game server tells what the actor is now.
-- requires: draft

local function set_actor(d, command)
  local actor = draft.actor(d)
  local attributes, present, states = {}, {}, {}
  for _, name in ipairs(RULESET.attributes) do
    attributes[name] = (command.attributes or {})[name] or actor.attributes[name]
  end
  for _, state in ipairs(actor.states) do
    present[state] = true
  end
  for _, state in ipairs((command.states or {}).add or {}) do
    present[state] = true
  end
  for _, state in ipairs((command.states or {}).remove or {}) do
    present[state] = nil
  end
  for _, state in ipairs(RULESET.states) do
    if present[state] then
      states[#states + 1] = state
    end
  end
  d.new_actor = {
    level = command.level or actor.level,
    class = command['class'] or actor['class'],
    attributes = attributes,
    states = states,
  }
end
