-- grant: make new items.
-- requires: draft, guards, placement

local function grant(d, command)
  if command.quantity < 1 or command.quantity > BOUNDS.quantity then
    return guards.refuse('INVALID_QUANTITY', {quantity = command.quantity})
  end
  local container = command.container
  if container and container ~= 'equipment' and not RULESET.containers[container] then
    return guards.refuse('UNKNOWN_CONTAINER', {container = container})
  end
  local facts = draft.facts(d, command.template_id)
  if not facts then
    return guards.refuse('UNKNOWN_TEMPLATE', {template_id = command.template_id})
  end
  local containers
  if not container then
    containers = placement.auto_containers(d, facts)
  elseif container == 'equipment' or not placement.filter_accepts(container, facts) then
    containers = {}
  else
    containers = {container}
  end
  if #containers == 0 then
    return guards.refuse('CONTAINER_REJECTS_ITEM', {template_id = command.template_id, container = container})
  end
  local left = placement.pour(d, containers, facts, command.bound or false, command.quantity)
  if left > 0 then
    return placement.unplaced(d, left, command.quantity, containers[1], {template_id = command.template_id})
  end
end
