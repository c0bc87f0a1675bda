"""WebSocket for ASGI applications: serves the upgrade requests of the ESG web server (rules S-1 to S-5).

ESG finds it by its entry points (group `esg.ws`): installing it is enough, even with `esg_http` alone. It exports the
error that applications catch, and nothing else. Knows `esg_core` and its contracts, and reads frames with the library
`websockets` or `wsproto`; it must not know HTTP's bytes, the command line or the reloader.
"""

from esg_core.errors import ClientDisconnected

__version__ = "0.2.0"

__all__ = ["ClientDisconnected", "__version__"]
