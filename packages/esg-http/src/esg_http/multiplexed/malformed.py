"""What a malformed request is: an error of its stream, whose code and sections are those of the version. Sans-I/O."""

from collections.abc import Mapping

from esg_core.asgi import Headers
from esg_http.coding.faults import StreamFault
from esg_http.multiplexed.request_head import MESSAGE, Malformed, RequestHead, check_trailers


class MalformedRequests:
    """Makes the errors of one version: its `code`, its `rfc`, and the section of that for each thing that is wrong."""

    __slots__ = ("_code", "_rfc", "_sections")

    def __init__(self, code: int, rfc: str, sections: Mapping[int, str]) -> None:
        self._code = code
        self._rfc = rfc
        self._sections = sections

    def read_head(self, fields: Headers) -> RequestHead:
        """The head of a request; raises `StreamFault` if it is malformed, `RequestError` if it is not served."""
        try:
            return RequestHead(fields)
        except Malformed as error:
            raise self._fault_of(error) from None

    def check_trailers(self, fields: Headers) -> None:
        """Raise `StreamFault` for trailers that no message may have."""
        try:
            check_trailers(fields)
        except Malformed as error:
            raise self._fault_of(error) from None

    def malformed(self, reason: str, about: int = MESSAGE) -> StreamFault:
        """The error of a stream whose request is malformed for this reason."""
        return self._fault_of(Malformed(reason, about))

    def _fault_of(self, error: Malformed) -> StreamFault:
        return StreamFault(self._code, str(error), f"{self._rfc} section {self._sections[error.about]}")
