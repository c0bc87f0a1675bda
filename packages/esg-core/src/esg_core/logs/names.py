"""The names of ESG's loggers."""

LOGGERS = ("esg", "esg.error", "esg.access")

__all__ = ["LOGGERS"]
