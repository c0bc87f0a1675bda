"""How large the head of a request may be (rules H-11, H-20). Sans-I/O."""

from dataclasses import dataclass

from esg_core.errors import RequestError


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """The limits: bytes of the request line, number of fields, bytes of all field lines together."""

    request_line: int
    fields: int
    field_bytes: int

    def check(self, request_line: int, field_bytes: int) -> None:
        """Refuse a head that is larger; raises `RequestError`, 414 or 431."""
        if request_line > self.request_line:
            raise RequestError(414, "the request line is too long", "RFC 9110 section 15.5.15")
        if field_bytes > self.field_bytes:
            raise RequestError(431, "the header fields are too large", "RFC 6585 section 5")
