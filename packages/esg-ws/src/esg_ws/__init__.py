"""Reserved for WebSocket: this version serves none.

Will know `esg_core` and its contracts only. It must not know HTTP's bytes, the command line or the reloader.
"""

__version__ = "0.1.0"
