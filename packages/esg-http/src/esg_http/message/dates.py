"""Writes dates as HTTP does. `email.utils` can do that too, but takes 8 ms to import."""

from time import gmtime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(moment: float) -> bytes:
    """A time, in seconds since the epoch, as an HTTP date (RFC 9110 section 5.6.7)."""
    year, month, day, hour, minute, second, weekday = gmtime(moment)[:7]
    date = f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"
    return date.encode("ascii")
