"""What a malformed request is in HTTP/3: an error of its stream (RFC 9114 section 4.1.2). Sans-I/O."""

from esg_http.h3.coding.codes import H3_MESSAGE_ERROR
from esg_http.multiplexed.malformed import MalformedRequests
from esg_http.multiplexed.request_head import CONNECT, CONNECTION, FIELDS, MESSAGE, PSEUDO, REQUEST, SEQUENCE

MALFORMED = MalformedRequests(
    H3_MESSAGE_ERROR,
    "RFC 9114",
    {
        MESSAGE: "4.1.2",
        SEQUENCE: "4.1",
        FIELDS: "4.2",
        CONNECTION: "4.2",
        PSEUDO: "4.3",
        REQUEST: "4.3.1",
        CONNECT: "4.4",
    },
)
