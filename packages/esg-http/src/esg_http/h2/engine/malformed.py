"""What a malformed request is in HTTP/2: an error of its stream (RFC 9113 section 8.1.1). Sans-I/O."""

from esg_http.h2.coding.codes import PROTOCOL_ERROR
from esg_http.multiplexed.malformed import MalformedRequests
from esg_http.multiplexed.request_head import CONNECT, CONNECTION, FIELDS, MESSAGE, PSEUDO, REQUEST, SEQUENCE

MALFORMED = MalformedRequests(
    PROTOCOL_ERROR,
    "RFC 9113",
    {
        MESSAGE: "8.1.1",
        SEQUENCE: "8.1",
        FIELDS: "8.2.1",
        CONNECTION: "8.2.2",
        PSEUDO: "8.3",
        REQUEST: "8.3.1",
        CONNECT: "8.5",
    },
)
