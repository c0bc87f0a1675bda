"""How figures are written for people, as `page/figures.js` writes them: `1,234/s`, `0.42 ms`, `1 d 1 h`.

Values in, text out; None, which is a figure that is not known, is a dash.
"""

from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "\N{EN DASH}"


def plain(value: float | None) -> str:
    """A count."""
    return UNKNOWN if value is None else _rounded(value, 0)


def per_second(value: float | None) -> str:
    """A rate."""
    return UNKNOWN if value is None else f"{_rounded(value, 1 if value < 10 else 0)}/s"


def percent(share: float | None) -> str:
    """A share of one."""
    return UNKNOWN if share is None else f"{_rounded(100 * share, 0)} %"


def duration(seconds: float | None) -> str:
    """A time that something took."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{_short(1000 * seconds)} ms"
    return f"{_short(seconds)} s" if seconds < 120 else f"{_short(seconds / 60)} min"


def size(count: float | None) -> str:
    """An amount of memory, of bytes."""
    if count is None:
        return UNKNOWN
    mebibytes = count / 2**20
    return f"{_short(mebibytes)} MiB" if mebibytes < 1024 else f"{_short(mebibytes / 1024)} GiB"


def age(seconds: float | None) -> str:
    """A time since something began, in its two greatest units."""
    if seconds is None:
        return UNKNOWN
    whole = int(seconds // 1)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((at for at, (count, _) in enumerate(parts) if count > 0), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2])


def printable(text: object) -> str:
    """The text without what would control a terminal: it may come from clients."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(text))


def _short(value: float) -> str:
    return _rounded(value, 0 if value >= 100 else 1 if value >= 10 else 2)


def _rounded(value: float, digits: int) -> str:
    """Halves are rounded up, of the number as it is written: browsers do so."""
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}"
