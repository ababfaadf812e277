-- Sixteen requests in one write.
local requests = {}
init = function()
    for i = 1, 16 do requests[i] = wrk.format("GET") end
    all = table.concat(requests)
end
request = function() return all end
