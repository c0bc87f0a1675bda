"""WebSocket for ASGI applications: what serves upgrade requests of the ESG web server (rules S-1 to S-5).

Is found by its entry points (group `esg.ws`) and exports nothing: installing it is enough, also beside `esg_http`
alone. Knows `esg_core` and its contracts, and reads frames with the library `websockets` or `wsproto`; it must not know
HTTP's bytes, the command line or the reloader.
"""

__version__ = "0.1.0"
