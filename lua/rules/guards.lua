-- guards: what several commands test. Each answers with a refusal, or nil to go on.
-- requires: draft, memo

local guards = {}

function guards.refuse(code, params)
  return {code = code, params = params}
end

function guards.available(d, items)
  for index = 1, #items do
    local item = items[index]
    if item.held then
      return guards.refuse('ITEM_HELD', {item_id = item.item_id})
    end
  end
  for index = 1, #items do
    local item = items[index]
    if item.facts.kind == BOUNDS.unknown_kind then
      return guards.refuse('FROZEN', {item_id = item.item_id, template_id = item.template_id})
    end
  end
end

function guards.not_locked(item)
  if item.locked then
    return guards.refuse('ITEM_LOCKED', {item_id = item.item_id})
  end
end

local function is_in_state(d, state)
  for _, active in ipairs(draft.actor(d).states) do
    if active == state then
      return true
    end
  end
  return false
end

local function is_exempt(state, facts)
  local rule = RULESET.state_rules[state]
  if not rule or not facts then
    return false
  end
  if rule.exempt_kinds[facts.kind] then
    return true
  end
  for _, tag in ipairs(facts.tags or {}) do
    if rule.exempt_tags[tag] then
      return true
    end
  end
  return false
end

-- The states that forbid a deed, in the ruleset's order.
guards.FORBIDDING = memo(function(deed)
  local states = {}
  for _, state in ipairs(RULESET.ruled_states) do
    if RULESET.state_rules[state].forbids[deed] then
      states[#states + 1] = state
    end
  end
  return states
end)

function guards.state_allows(d, deed, facts)
  local states = guards.FORBIDDING[deed]
  for index = 1, #states do
    local state = states[index]
    if is_in_state(d, state) and not is_exempt(state, facts) then
      return guards.refuse('ACTOR_STATE_FORBIDS', {command = deed, state = state})
    end
  end
end

function guards.slot_unlocked(d, slot, facts)
  for _, state in ipairs(RULESET.slots[slot].locked_while) do
    if is_in_state(d, state) and not is_exempt(state, facts) then
      return guards.refuse('ACTOR_STATE_FORBIDS', {slot = slot, state = state})
    end
  end
end

function guards.container_open(d, container)
  local locked, opened = CONTAINERS[container].locked_while, CONTAINERS[container].open_while
  for index = 1, #locked do
    if is_in_state(d, locked[index]) then
      return guards.refuse('ACTOR_STATE_FORBIDS', {container = container, state = locked[index]})
    end
  end
  local open = #opened == 0
  for index = 1, #opened do
    open = open or is_in_state(d, opened[index])
  end
  if not open then
    return guards.refuse('ACTOR_STATE_FORBIDS', {container = container})
  end
end

function guards.source_unlocked(d, item)
  if item.container == 'equipment' then
    return guards.slot_unlocked(d, item.slot, item.facts)
  end
  return guards.container_open(d, item.container)
end

function guards.requirements(d, item, requires, slot)
  if not requires then
    return nil
  end
  local actor = draft.actor(d)
  if actor.level < (requires.level or 0) then
    return guards.refuse('LEVEL_TOO_LOW', {
      item_id = item.item_id, slot = slot, required = requires.level, level = actor.level,
    })
  end
  if requires.classes then
    local allowed = false
    for _, class in ipairs(requires.classes) do
      allowed = allowed or class == actor['class']
    end
    if not allowed then
      return guards.refuse('CLASS_NOT_ALLOWED', {item_id = item.item_id, slot = slot, class = actor['class']})
    end
  end
  for _, attribute in ipairs(requires.attributes and RULESET.attributes or {}) do
    local required = requires.attributes[attribute]
    local has = actor.attributes[attribute] or 0
    if required and has < required then
      return guards.refuse('ATTRIBUTE_TOO_LOW', {
        item_id = item.item_id, slot = slot, attribute = attribute, required = required, value = has,
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
  for _, container in ipairs(d.totals_before and RULESET.order or {}) do
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

function guards.changes_hands(d, container, facts, bound, subject, id)
  if not CONTAINERS[container].shared then
    return
  end
  local params = {container = container, [subject] = id}
  if bound then
    draft.owe(d, guards.refuse('ITEM_BOUND', params))
  end
  if facts.tradeable == false then
    draft.owe(d, guards.refuse('NOT_TRADEABLE', params))
  end
end
