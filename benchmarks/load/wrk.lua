-- Sends the lines of a file in order, and prints what load/__init__.py calls Measured.
-- Arguments: file, token, number of the first line to send (0-based). A line without a body is a GET.

local thread_of_all
local requests = {}
local position = 0
verified = false
sent = 0

function setup(thread)
  thread_of_all = thread
end

function init(args)
  local headers = {['Authorization'] = 'Bearer ' .. args[2], ['Host'] = wrk.headers['Host']}
  local with_body = {['Content-Type'] = 'application/json'}
  for name, value in pairs(headers) do
    with_body[name] = value
  end
  for line in io.lines(args[1]) do
    local path, body = line:match('^([^\t]+)\t(.*)$')
    local request
    if body == '' then
      request = wrk.format('GET', path, headers)
    else
      request = wrk.format('POST', path, with_body, body)
    end
    requests[#requests + 1] = request
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
    '{"requests":%d,"sent":%d,"seconds":%.6f,'
      .. '"p50_ms":%.3f,"p90_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,'
      .. '"errors":{"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    summary.requests, thread_of_all:get('sent'), summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout
  ))
end
