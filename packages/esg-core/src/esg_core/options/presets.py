"""The presets: values for several options at once, which everything that the user sets overrides.

A preset is a row of this table; `esg_core.options.config` applies it, and the reference shows it.
"""

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, object]] = {
    "load-balancer": {
        "timeout_keep_alive": 65.0,
        "timeout_request_headers": 66.0,
        "timeout_request": 30.0,
        "timeout_graceful_shutdown": 25.0,
        "backpressure": True,
        "health": True,
    },
}
