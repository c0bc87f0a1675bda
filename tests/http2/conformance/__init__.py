"""What RFC 9113 (sections 3 to 8) and RFC 7541 require of a server: one case each."""

from tests.http2.conformance import connection, frames, hpack, messages, streams
from tests.http2.conformance.case import Case

CASES: tuple[Case, ...] = tuple(
    case for group in (connection, streams, frames, messages, hpack) for case in group.cases()
)

__all__ = ["CASES"]
