-- guards: what several commands test. Each answers with a refusal, or nil to go on.
-- requires: draft

local guards = {}

function guards.refuse(code, params)
  return {code = code, params = params}
end

function guards.available(d, ...)
  local items = {...}
  for _, item in ipairs(items) do
    if item.held then
      return guards.refuse('ITEM_HELD', {item_id = item.item_id})
    end
  end
  for _, item in ipairs(items) do
    if draft.facts_of(d, item).kind == BOUNDS.unknown_kind then
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

function guards.state_allows(d, deed, facts)
  for _, state in ipairs(RULESET.ruled_states) do
    local forbidden = RULESET.state_rules[state].forbids[deed]
    if forbidden and is_in_state(d, state) and not is_exempt(state, facts) then
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
  local entry = RULESET.containers[container]
  for _, state in ipairs(entry.locked_while) do
    if is_in_state(d, state) then
      return guards.refuse('ACTOR_STATE_FORBIDS', {container = container, state = state})
    end
  end
  local open = #entry.open_while == 0
  for _, state in ipairs(entry.open_while) do
    open = open or is_in_state(d, state)
  end
  if not open then
    return guards.refuse('ACTOR_STATE_FORBIDS', {container = container})
  end
end

function guards.source_unlocked(d, item)
  if item.container == 'equipment' then
    return guards.slot_unlocked(d, item.slot, draft.facts_of(d, item))
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

function guards.changes_hands(d, container, facts, bound, subject)
  if not RULESET.containers[container].shared then
    return
  end
  subject.container = container
  if bound then
    draft.owe(d, guards.refuse('ITEM_BOUND', subject))
  end
  if facts.tradeable == false then
    draft.owe(d, guards.refuse('NOT_TRADEABLE', subject))
  end
end
