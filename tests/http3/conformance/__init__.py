"""What RFC 9114 and RFC 9204 require of a server, as far as it is not QUIC's: one case each."""

from tests.http3.conformance import frames, messages, qpack, streams
from tests.http3.conformance.case import Case

CASES: tuple[Case, ...] = tuple(case for group in (streams, frames, messages, qpack) for case in group.cases())

__all__ = ["CASES"]
