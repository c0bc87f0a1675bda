"""HTTP for ASGI applications: the protocols of the ESG web server, usable on their own (rule U-3).

    server = await esg_http.start_server(app, "127.0.0.1", 8000)      an HTTP port in your own asyncio program
    await loop.create_server(esg_http.HTTPProtocol(app), sock=sock)     the protocol, for connections you accept

Builds on esg_core; knows nothing of WebSocket, processes or the terminal.
"""

from esg_core.errors import ClientDisconnected, ESGError, StartupError, UsageError
from esg_core.options.keywords import ProtocolSettings, ServerSettings
from esg_http.embedding import HTTPProtocol, HTTPServer, start_server

__version__ = "0.2.0"

__all__ = [
    "ClientDisconnected",
    "ESGError",
    "HTTPProtocol",
    "HTTPServer",
    "ProtocolSettings",
    "ServerSettings",
    "StartupError",
    "UsageError",
    "__version__",
    "start_server",
]
