"""Logging: the set-up of a server process, and formatters for a user's own configuration.

* `configure(config)` sets up the loggers `esg`, `esg.error` and `esg.access`; `reconfigure()` does it again, and keeps
  the former set-up if that fails; `with_table()` reads the file of `log_config`.
* `flush()` writes what is still buffered.
* `TRACE` is the level below debug; `LEVELS` maps the names that the option `log_level` takes to numbers.
* `DefaultFormatter`, `AccessFormatter`, `JSONFormatter` and `RequestIdFilter` can be used in the file of the option
  `log_config`.

Modules log to `logging.getLogger("esg.error")`; `esg_core.access` logs requests.
"""

from esg_core.logs.formatters import AccessFormatter, DefaultFormatter, JSONFormatter
from esg_core.logs.request_ids import RequestIdFilter
from esg_core.logs.setup import configure, flush, reconfigure, with_table
from esg_core.options.log_levels import LEVELS, TRACE

__all__ = [
    "LEVELS",
    "TRACE",
    "AccessFormatter",
    "DefaultFormatter",
    "JSONFormatter",
    "RequestIdFilter",
    "configure",
    "flush",
    "reconfigure",
    "with_table",
]
