-- Sends the requests that are in the files named after `--`, in turn, as they are.
local requests = {}
local sent = 0

init = function(files)
  for _, name in ipairs(files) do
    local file = assert(io.open(name, "rb"))
    requests[#requests + 1] = file:read("*a")
    file:close()
  end
end

request = function()
  sent = sent % #requests + 1
  return requests[sent]
end
