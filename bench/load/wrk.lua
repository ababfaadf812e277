-- What wrk does not do by itself: several requests in one write (the first argument says how many),
-- and the tail of the latencies.
function init(args)
    local deep = tonumber(args[1] or "1")
    if deep > 1 then
        local requests = {}
        for i = 1, deep do requests[i] = wrk.format("GET") end
        local all = table.concat(requests)
        request = function() return all end
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
        e.connect + e.read + e.write + e.timeout + e.status))
end
