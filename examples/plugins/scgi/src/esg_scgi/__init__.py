"""SCGI for the ESG web server: an example of a protocol in a package of its own.

ESG finds it by its entry point in the group `esg.http`, under the name `scgi`. Knows `esg_core` and its contracts, and
nothing of HTTP's bytes.
"""

__version__ = "0.1.0"
