-- What Python calls: nodes that are asked, copied, restarted and promoted, and looked at.

local model = {}

function model.node(run_id, replid)
  return {
    run_id = run_id, replid = replid, data = {}, expires = {}, libraries = {}, functions = {}, writes = 0,
    full = false,
  }
end

local function told(value)
  local kind = type(value)
  if kind == 'number' then
    return 'one', value < 0 and math.ceil(value) or math.floor(value)
  elseif kind == 'table' then
    if value.ok then
      return 'one', value.ok
    end
    local list, size = {}, #value
    for index = 1, size do
      local part = value[index]
      if type(part) == 'number' then
        part = part < 0 and math.ceil(part) or math.floor(part)
      end
      list[index] = part or nil
    end
    return 'many', size, unpack(list, 1, size)
  elseif value == true then
    return 'one', 1
  end
  return 'one', value or nil
end

-- "one" and a value, "many", how many and the values, or "error" and its text.
function model.serve(node, at_us, name, ...)
  current, now_us = node, at_us
  local command = commands[name]
  if not command then
    return 'error', 'ERR unknown command ' .. name
  end
  local done, value = pcall(command, ...)
  if not done then
    return 'error', tostring(value)
  end
  return told(value)
end

local function copy(value)
  if type(value) ~= 'table' then
    return value
  end
  local twin = {}
  for key, part in pairs(value) do
    twin[key] = copy(part)
  end
  return twin
end

function model.copy(node)
  return {data = copy(node.data), expires = copy(node.expires), libraries = copy(node.libraries)}
end

-- A node that begins, with what was copied; the libraries begin with it, so nothing they keep survives.
function model.begin(run_id, replid, from)
  local node = model.node(run_id, replid)
  if from then
    node.data, node.expires, node.libraries = copy(from.data), copy(from.expires), copy(from.libraries)
  end
  model.restart(node)
  return node
end

function model.restart(node)
  current, node.functions = node, {}
  for _, code in pairs(node.libraries) do
    run_library(code)
  end
end

-- Another node's data on this one, whose libraries go on with what they keep: a resynchronised replica.
function model.resync(node, from)
  node.data, node.expires = copy(from.data), copy(from.expires)
end

-- Where a session stands: writes, status, epoch, incarnation, seq, flushed_seq, entries in its journal, the
-- seq of the first, its turn, dirty_since, its gen.
function model.standing(node, at_us, session, journal, due, member)
  current, now_us = node, at_us
  local found, entries = node.data[session], node.data[journal]
  local map, turn = found and found.map or {}, node.data[due] and node.data[due].map[member]
  return node.writes, map.status, map.epoch, map.incarnation, map.seq, map.flushed_seq,
    entries and entries.size or 0, entries and match(entries.map[1], '"seq":(%d+)'), turn, map.dirty_since, map.gen
end

-- A text that is equal where actor and items are.
function model.content(node, session)
  local found, parts = node.data[session], {}
  for field, value in pairs(found and found.map or {}) do
    if sub(field, 1, 5) == 'item:' then
      parts[#parts + 1] = field .. value
    end
  end
  table.sort(parts)
  parts[#parts + 1] = found and found.map.actor or ''
  return table.concat(parts, '\n')
end

return model
