"""What every ESG package builds on: lifecycle, sockets, limits and contracts.

Knows neither the bytes of a protocol nor the terminal: HTTP lives in esg_http, WebSocket in esg_ws, the command line in
esg_cli. Needs only the standard library; optional packages (uvloop, PyYAML) are imported where they are used.
"""

__version__ = "0.2.0"
