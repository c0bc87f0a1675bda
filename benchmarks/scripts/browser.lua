-- The 11 header fields of a navigation in a browser; wrk adds the first of them, host, itself.
wrk.headers["connection"] = "keep-alive"
wrk.headers["sec-ch-ua"] = '"Chromium";v="130", "Not?A_Brand";v="99"'
wrk.headers["sec-ch-ua-mobile"] = "?0"
wrk.headers["sec-ch-ua-platform"] = '"Linux"'
wrk.headers["upgrade-insecure-requests"] = "1"
wrk.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
wrk.headers["accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
wrk.headers["sec-fetch-site"] = "none"
wrk.headers["accept-encoding"] = "gzip, deflate, br, zstd"
wrk.headers["accept-language"] = "en-US,en;q=0.9"
