"""A module that fails while it is imported, a few calls deep."""


def connect() -> None:
    raise ZeroDivisionError("no database")


connect()
