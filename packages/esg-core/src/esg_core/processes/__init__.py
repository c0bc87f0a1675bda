"""Several processes on the same sockets (rules W-1 to W-4): a parent that supervises, and workers that serve.

`policy` decides and is pure; `supervisor` and `workers` carry out its decisions; `spawn` and `fork` start workers;
`parent_line` is a worker's end of the line to its parent, and `worker` is what runs there.
"""
