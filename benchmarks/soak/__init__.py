"""Mixed traffic for as long as one likes, through restarts and new certificates: nothing may fail, nothing may grow.

`python -m benchmarks.soak` starts two servers with workers, one over cleartext and one over TLS, on the loopback. Real
clients ask them in all the ways there are, some politely, some not; meanwhile all workers are replaced (SIGHUP), each
time with a new certificate.
"""
