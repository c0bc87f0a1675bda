"""What a malformed request is in HTTP/3: an error of its stream (RFC 9114 section 4.1.2). Sans-I/O."""

from esg_http.coding.faults import StreamFault
from esg_http.h3.coding.codes import H3_MESSAGE_ERROR
from esg_http.multiplexed.request_head import (
    CONNECT,
    CONNECTION,
    FIELDS,
    MESSAGE,
    PSEUDO,
    REQUEST,
    SEQUENCE,
    Malformed,
)

_SECTIONS = {
    MESSAGE: "4.1.2",
    SEQUENCE: "4.1",
    FIELDS: "4.2",
    CONNECTION: "4.2",
    PSEUDO: "4.3",
    REQUEST: "4.3.1",
    CONNECT: "4.4",
}


def fault_of(error: Malformed) -> StreamFault:
    """The error of a stream whose request is malformed."""
    return StreamFault(H3_MESSAGE_ERROR, str(error), f"RFC 9114 section {_SECTIONS[error.about]}")


def malformed(reason: str, about: int = MESSAGE) -> StreamFault:
    """The error of a stream whose request is malformed for this reason."""
    return fault_of(Malformed(reason, about))
