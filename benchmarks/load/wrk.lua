-- Sends the lines of a file in order, and prints what load/__init__.py calls Measured.
-- Arguments: file, token, number of the first line to send (0-based).

local thread_of_all
local requests = {}
local position = 0
verified = false
sent = 0

function setup(thread)
  thread_of_all = thread
end

function init(args)
  local headers = {
    ['Authorization'] = 'Bearer ' .. args[2],
    ['Content-Type'] = 'application/json',
    ['Host'] = wrk.headers['Host'],
  }
  for line in io.lines(args[1]) do
    local path, body = line:match('^([^\t]+)\t(.*)$')
    requests[#requests + 1] = wrk.format('POST', path, headers, body)
  end
  position = tonumber(args[3]) % #requests
end

function request()
  if not verified then
    -- wrk asks once before it begins, to see what the script makes, and sends nothing.
    verified = true
    return requests[position + 1]
  end
  position = position % #requests + 1
  sent = sent + 1
  return requests[position]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"sent":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,'
      .. '"errors":{"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    summary.requests, thread_of_all:get('sent'), summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout
  ))
end
