"""Experiments about overload: a loop that is saturated, clients that are slow, requests that end badly.

`python -m benchmarks.overload` runs them; each is a module of its own.
"""
