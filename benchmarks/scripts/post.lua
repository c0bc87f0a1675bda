-- POST of 10 KiB: the body is benchmarks.apps.POSTED.
wrk.method = "POST"
wrk.headers["content-type"] = "application/octet-stream"
wrk.body = string.rep("x", 10239) .. "!"
