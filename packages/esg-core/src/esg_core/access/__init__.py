"""The access log: one line for each response (rules R-2 and R-3).

`AccessLog.create(config, loop)` creates it; protocols call `record()` at the end of each response, with the scope and
the outcome. Knows ASGI scopes, not the bytes of any protocol.
"""

from esg_core.access.log import AccessLog

__all__ = ["AccessLog"]
