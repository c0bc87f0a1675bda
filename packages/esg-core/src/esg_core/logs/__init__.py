"""Logging: the set-up of a server process, and formatters for a user's own configuration.

* `configure(config)` sets up the loggers `esg`, `esg.error` and `esg.access`; `reconfigure()` does it again, and leaves
  what there is in force if it cannot; `with_table()` reads the file of `log_config`.
* `flush()` writes what is still held back.
* `TRACE` is the level below debug, `LEVELS` the numbers of the names that the option `log_level` takes.
* `DefaultFormatter`, `AccessFormatter` and `JSONFormatter` can be named in the file of the option `log_config`.

Who has something to say takes `logging.getLogger("esg.error")`; requests are logged by `esg_core.access`.
"""

from esg_core.logs.formatters import AccessFormatter, DefaultFormatter, JSONFormatter
from esg_core.logs.setup import configure, flush, reconfigure, with_table
from esg_core.options.log_levels import LEVELS, TRACE

__all__ = [
    "LEVELS",
    "TRACE",
    "AccessFormatter",
    "DefaultFormatter",
    "JSONFormatter",
    "configure",
    "flush",
    "reconfigure",
    "with_table",
]
