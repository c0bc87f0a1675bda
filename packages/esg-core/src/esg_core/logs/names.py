"""The names of ESG's loggers."""

LOGGERS = ("esg", "esg.error", "esg.access", "esg.asgi")
