"""From the option `access_log_format` to the function that makes the lines."""

from esg_core.access.default_line import default_line
from esg_core.access.exchange import LineFormat


def line_format(text: str, coloured: bool = False) -> LineFormat:
    """The format that `text` names: `default`, `json`, or one of atoms; colours are for the default line.

    Raises `UsageError` for a format that cannot be read.
    """
    if text == "default":
        return LineFormat(default_line(coloured), timed=False, is_default=True)
    if text == "json":
        from esg_core.access.json_line import json_line

        return LineFormat(json_line, timed=True)
    from esg_core.access.atoms import atoms_format

    return atoms_format(text)


__all__ = ["line_format"]
