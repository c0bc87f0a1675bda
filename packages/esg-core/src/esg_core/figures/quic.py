"""What a process counts of QUIC, where most of what arrives is no request (rule M-1). Knows labels, no packets."""

from esg_core.figures import labels


class QuicFigures:
    """`handshakes` by result, `retries`, datagrams `dropped` by reason, and `faults` by the code they ended with."""

    __slots__ = ("dropped", "faults", "handshakes", "retries")

    def __init__(self) -> None:
        self.handshakes = dict.fromkeys(labels.HANDSHAKE_RESULTS, 0)
        self.retries = 0
        self.dropped = dict.fromkeys(labels.DROPPED_DATAGRAMS, 0)
        self.faults: dict[str, int] = {}

    def has_fault(self, code: int, *, of_quic: bool) -> None:
        """Count a connection that the server has ended with an error, of QUIC or of HTTP/3."""
        if code < len(labels.QUIC_ERRORS):
            name = labels.QUIC_ERRORS[code]
        elif of_quic:  # an alert of TLS (RFC 9000 section 20.1)
            name = "CRYPTO_ERROR"
        else:
            name = labels.H3_ERRORS.get(code, "other")
        self.faults[name] = self.faults.get(name, 0) + 1
