-- Posts one body again and again: wrk ... -s post.lua URL -- BODY_FILE CONTENT_TYPE MILLISECONDS
-- MILLISECONDS is the mean pause of a connection between an answer and its next request; 0 for none.
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = arguments[2]
  file:close()
  pause = tonumber(arguments[3])
  if pause == 0 then delay = nil end
end

-- Not always the same pause, so that the connections do not ask in step.
function delay()
  return math.random(0, math.floor(2 * pause + 0.5))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "median": %f, "p99": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
