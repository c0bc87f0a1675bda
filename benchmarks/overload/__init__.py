"""Overload experiments: a saturated loop, slow clients, requests that end badly.

`python -m benchmarks.overload` runs them; each is in its own module.
"""
