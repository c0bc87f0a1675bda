"""What every ESG package builds on: lifecycle, sockets, limits and contracts.

Knows neither the bytes of a protocol nor the terminal: HTTP lives in esg_http, WebSocket in esg_ws, the command
line in esg_cli. Standard library only; what else it can use (uvloop, PyYAML) is imported where it is needed.
"""

__version__ = "0.2.0"
