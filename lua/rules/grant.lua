-- grant: make new items.
-- requires: draft, guards, limits, placement

local grant = {}

function grant.grant(d, command)
  if command.item_id and draft.has_known(d, command.item_id) then
    return guards.refuse('ALREADY_EXISTS', {item_id = command.item_id})
  end
  local facts = draft.facts(d, command.template_id)
  if facts and command.item_id and command.quantity > (facts.stack_limit or 1) then
    return guards.refuse('INVALID_QUANTITY', {
      item_id = command.item_id, quantity = command.quantity, stack_limit = facts.stack_limit or 1,
    })
  end
  local container = command.container
  local nowhere = container and container ~= 'equipment' and not CONTAINERS[container]
  if nowhere then
    return guards.refuse('UNKNOWN_CONTAINER', {container = container})
  end
  local mailbox = RULESET.overflow
  if command.overflow and not mailbox then
    return guards.refuse('UNKNOWN_CONTAINER', {container = 'overflow'})
  end
  if not facts or facts.kind == BOUNDS.unknown_kind or facts.retired then
    return guards.refuse('UNKNOWN_TEMPLATE', {template_id = command.template_id})
  end
  local wanted = command.quantity
  if command.partial then
    wanted = limits.allowance(d, facts, wanted)
    -- There is no part of an instance.
    wanted = command.item_id and wanted < command.quantity and 0 or wanted
  else
    local refusal = limits.may_carry(d, facts, wanted)
    if refusal then
      return refusal
    end
  end
  local bound = command.bound or facts.bind == 'pickup'
  local containers = grant.destinations(d, command, facts, bound)
  local spills = command.overflow and placement.takes(d, mailbox, facts, bound)
  if #containers == 0 and (container or not spills) then
    return guards.refuse('CONTAINER_REJECTS_ITEM', {template_id = command.template_id, container = container})
  end
  if container and #containers > 0 then
    guards.changes_hands(d, container, facts, bound, 'template_id', command.template_id)
  end
  local lot = {
    facts = facts, bound = bound, locked = false, item_id = command.item_id,
    light = command.partial or command.overflow,
  }
  local left = placement.pour(d, containers, lot, wanted)
  if spills then
    left = placement.pour(d, {mailbox}, lot, left)
    containers[#containers + 1] = mailbox
  end
  if command.partial then
    draft.tell(d, {not_placed = command.quantity - wanted + left})
  elseif left > 0 then
    return placement.unplaced(d, containers, facts, left, command.quantity, {template_id = command.template_id})
  end
end

function grant.destinations(d, command, facts, bound)
  if not command.container then
    return placement.auto_containers(d, facts, bound)
  end
  if command.container == 'equipment' or not placement.filter_accepts(command.container, facts) then
    return {}
  end
  return {command.container}
end
