"""Mixed traffic for any length of time, through restarts and new certificates: nothing may fail, nothing may grow.

`python -m benchmarks.soak` starts two servers with workers, one over cleartext and one over TLS, on the loopback. Real
clients use them in every way, some politely, some not; meanwhile all workers are replaced (SIGHUP), each
time with a new certificate.
"""
