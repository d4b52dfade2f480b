-- guards: what several commands test. Each answers with a refusal, or nil to go on.
-- requires: draft

local guards = {}

function guards.refuse(code, params)
  return {code = code, params = params}
end

function guards.slot_unlocked(d, slot)
  for _, state in ipairs(RULESET.slots[slot].locked_while) do
    for _, active in ipairs(draft.actor(d).states) do
      if active == state then
        return guards.refuse('ACTOR_STATE_FORBIDS', {slot = slot, state = state})
      end
    end
  end
end

function guards.source_unlocked(d, item)
  if item.container == 'equipment' then
    return guards.slot_unlocked(d, item.slot)
  end
end

function guards.requirements(d, item, facts)
  local requires = facts.requires
  if not requires then
    return nil
  end
  local actor = draft.actor(d)
  if actor.level < (requires.level or 0) then
    return guards.refuse('LEVEL_TOO_LOW', {item_id = item.item_id, required = requires.level, level = actor.level})
  end
  if requires.classes then
    local allowed = false
    for _, class in ipairs(requires.classes) do
      allowed = allowed or class == actor['class']
    end
    if not allowed then
      return guards.refuse('CLASS_NOT_ALLOWED', {item_id = item.item_id, class = actor['class']})
    end
  end
  for _, attribute in ipairs(requires.attributes and RULESET.attributes or {}) do
    local required = requires.attributes[attribute]
    local has = actor.attributes[attribute] or 0
    if required and has < required then
      return guards.refuse('ATTRIBUTE_TOO_LOW', {
        item_id = item.item_id, attribute = attribute, required = required, value = has,
      })
    end
  end
end

function guards.room(d)
  -- Only totals that the command has changed are looked at: the others are as they were.
  local weight, limit = draft.weight(d), draft.carry_limit(d)
  if d.weight_before and weight > d.weight_before and weight > limit then
    return guards.refuse('TOO_HEAVY', {limit = limit})
  end
  for _, container in ipairs(RULESET.order) do
    local before = d.totals_before[container]
    local total = before and draft.total(d, container)
    if before and total < before and draft.highest(d, container) >= total then
      return guards.refuse('CAPACITY_IN_USE', {container = container, total = total})
    end
  end
  if d.limit_before and limit < d.limit_before and weight > limit then
    return guards.refuse('CAPACITY_IN_USE', {limit = limit})
  end
end
