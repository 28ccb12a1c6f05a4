-- Asks postern-gateway about a request. Usage: http-request lua.postern URL

-- Headers of the request that the gateway needs to see.
local asked_with = { "authorization", "x-api-key", "traceparent" }

-- Headers of the gateway's answer that are kept for the response: see haproxy.cfg.
local kept = {
    ["x-ratelimit-limit"] = "txn.limit",
    ["x-ratelimit-remaining"] = "txn.remaining",
    ["x-ratelimit-reset"] = "txn.reset",
    ["ratelimit"] = "txn.ratelimit",
    ["ratelimit-policy"] = "txn.policy",
}

-- Headers that say something about the gateway's connection, or that HAProxy makes itself.
local dropped = { ["connection"] = true, ["content-length"] = true, ["date"] = true, ["transfer-encoding"] = true }

-- The values of a header as a list from 1 on; HAProxy counts from 0.
local function list(values)
    local found = {}
    for index = 0, #values do
        found[#found + 1] = values[index]
    end
    return found
end

local function question(txn)
    local given, headers = txn.http:req_get_headers(), {}
    for _, name in ipairs(asked_with) do
        if given[name] ~= nil then
            headers[name] = list(given[name])
        end
    end
    headers["x-forwarded-for"] = { txn.f:src() }
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    return headers
end

local function refuse(txn, answer)
    local reply = txn:reply({ status = answer.status, body = answer.body })
    for name, values in pairs(answer.headers) do
        for _, value in ipairs(dropped[name] and {} or list(values)) do
            reply:add_header(name, value)
        end
    end
    txn:done(reply)
end

core.register_action("postern", { "http-req" }, function(txn, url)
    local answer = core.httpclient():get({ url = url, headers = question(txn), timeout = 5000 })
    if answer == nil or answer.status == nil or answer.status == 0 then
        txn:done(txn:reply({ status = 503, body = "The request cannot be authorized now.\n" }))
    elseif answer.status >= 500 then
        answer.status = 503
        refuse(txn, answer)
    elseif answer.status ~= 200 then
        refuse(txn, answer)
    else
        for name, values in pairs(answer.headers) do
            if kept[name] ~= nil then
                txn:set_var(kept[name], values[0])
            elseif name:find("^x%-postern%-") then
                txn.http:req_set_header(name, values[0])
            end
        end
    end
end, 1)
