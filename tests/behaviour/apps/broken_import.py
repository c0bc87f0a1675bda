"""A module that fails while it is imported, some calls deep."""


def connect() -> None:
    raise ZeroDivisionError("no database")


connect()
