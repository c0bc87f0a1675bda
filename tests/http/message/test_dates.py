"""Times of day as HTTP writes them (RFC 9110 section 5.6.7)."""

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from esg_http.message.dates import http_date


def test_the_example_of_the_rfc() -> None:
    """RFC 9110 section 5.6.7."""
    assert http_date(784111777) == b"Sun, 06 Nov 1994 08:49:37 GMT"


@given(st.floats(min_value=0, max_value=253402300799))
def test_any_time_is_written_as_the_standard_library_writes_it(moment: float) -> None:
    """H-1."""
    assert http_date(moment) == formatdate(moment, usegmt=True).encode()
