"""Turns the option `access_log_format` into the function that formats the lines."""

from esg_core.access.default_line import accepted_line, default_line, with_id, with_timestamp
from esg_core.access.exchange import LineFormat


def line_format(
    text: str,
    coloured: bool = False,
    *,
    timestamps: bool = False,
    ids: bool = False,
    option: str = "access_log_format",
) -> LineFormat:
    """The format that `text` names: `default`, `json`, or atoms; colours, timestamps and ids apply to the default.

    Raises `UsageError`, naming `option`, for a format that cannot be parsed.
    """
    if text == "default":
        line, accepted = default_line(coloured), accepted_line(coloured)
        if timestamps:
            line, accepted = with_timestamp(line), with_timestamp(accepted)
        if ids:
            line, accepted = with_id(line), with_id(accepted)
        return LineFormat(line, timed=False, is_default=True, accepted=accepted)
    if text == "json":
        from esg_core.access.json_line import json_line

        return LineFormat(json_line, timed=True)
    from esg_core.access.atoms import atoms_format

    return atoms_format(text, option)
