"""Several processes on the same sockets (rules W-1 to W-4): a parent that supervises, and workers that serve.

`fleet` decides and is pure; `supervisor` does what it decides; `launch` starts workers, `post` is a worker's end of the
line between both, and `worker` what runs there.
"""
