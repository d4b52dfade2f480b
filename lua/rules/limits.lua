-- limits: how many of a template, or of a limit group, may be carried and worn.
-- requires: draft, guards

local limits = {}

function limits.may_carry(d, facts, quantity)
  if facts.max_carried then
    local has = draft.count(d, facts.template_id)
    if has + quantity > facts.max_carried then
      return guards.refuse('CARRY_LIMIT', {
        template_id = facts.template_id, max_carried = facts.max_carried, has = has,
      })
    end
  end
  local group = RULESET.limit_groups[facts.limit_group or '']
  if group and group.max_carried then
    local has = draft.count_group(d, facts.limit_group)
    if has + quantity > group.max_carried then
      return guards.refuse('LIMIT_GROUP', {
        template_id = facts.template_id, limit_group = facts.limit_group, max_carried = group.max_carried,
        has = has,
      })
    end
  end
end

function limits.allowance(d, facts, quantity)
  if facts.max_carried then
    quantity = math.min(quantity, facts.max_carried - draft.count(d, facts.template_id))
  end
  local group = RULESET.limit_groups[facts.limit_group or '']
  if group and group.max_carried then
    quantity = math.min(quantity, group.max_carried - draft.count_group(d, facts.limit_group))
  end
  return math.max(0, quantity)
end

function limits.may_wear(d, item, facts, leaving)
  if item.container == 'equipment' then
    return
  end
  if facts.unique_equipped then
    local staying = draft.worn(d, facts.template_id)
    for _, other in ipairs(leaving) do
      staying = staying - (other.template_id == facts.template_id and 1 or 0)
    end
    if staying > 0 then
      return guards.refuse('UNIQUE_EQUIPPED', {item_id = item.item_id, template_id = facts.template_id})
    end
  end
  local group = RULESET.limit_groups[facts.limit_group or '']
  if group and group.max_equipped then
    local staying = draft.worn_group(d, facts.limit_group)
    for _, other in ipairs(leaving) do
      staying = staying - (other.facts.limit_group == facts.limit_group and 1 or 0)
    end
    if staying >= group.max_equipped then
      return guards.refuse('LIMIT_GROUP', {
        item_id = item.item_id, limit_group = facts.limit_group, max_equipped = group.max_equipped,
        has = staying,
      })
    end
  end
end
