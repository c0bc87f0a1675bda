"""Writes values as TOML; the standard library only reads it."""

import math
from collections.abc import Mapping


def inline(value: object) -> str:
    """The value in one line of TOML 1.0; raises `TypeError` for what TOML cannot express."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        import json  # a plain start needs it nowhere else

        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, Mapping):
        return _table(value)
    raise TypeError(f"TOML cannot express {type(value).__name__}")


def _number(value: float) -> str:
    if math.isfinite(value) and value.is_integer():
        return str(int(value))
    return repr(value)


def _table(values: Mapping[object, object]) -> str:
    pairs = ", ".join(f"{inline(str(key))} = {inline(value)}" for key, value in values.items())
    return f"{{ {pairs} }}" if pairs else "{}"
