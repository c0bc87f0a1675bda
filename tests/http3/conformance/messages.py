"""What requests may say (RFC 9114 sections 4.1.2, 4.2, 4.3 and 4.4, RFC 9220)."""

from collections.abc import Iterator

from esg_core.asgi import Headers
from esg_http.h3.coding.codes import H3_EXCESSIVE_LOAD, H3_MESSAGE_ERROR
from tests.http3.conformance.case import Case, Outcome, asks, breaks, serves
from tests.support.http3.wire import GET, data, headers, request

POST = request(b"/", b"POST")
WEBSOCKET = request(b"/", b"CONNECT", (b":protocol", b"websocket"))


def malformed() -> Iterator[tuple[str, str, Headers]]:
    """Section, what is wrong, and the fields."""
    yield "4.2", "a name in upper case", [*GET, (b"X-A", b"b")]
    yield "4.2", "a name that is not a token", [*GET, (b"x a", b"b")]
    yield "4.2", "a value with a control byte", [*GET, (b"x", b"a\0b")]
    yield "4.2", "a value with a line feed", [*GET, (b"x", b"a\r\nb: c")]
    yield "4.2", "a value that begins with white space", [*GET, (b"x", b" a")]
    for name in (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"):
        yield "4.2", name.decode(), [*GET, (name, b"x")]
    yield "4.2", "te other than trailers", [*GET, (b"te", b"gzip")]
    yield "4.3", "an unknown pseudo-header field", [*GET, (b":x", b"y")]
    yield "4.3", "a pseudo-header field of responses", [(b":status", b"200"), *GET]
    yield "4.3", "a pseudo-header field after another field", [(b"x", b"y"), *GET]
    yield "4.3", "a repeated pseudo-header field", [GET[0], *GET]
    for at, pseudo in enumerate(("method", "scheme", "path", "authority")):
        yield "4.3.1", f"no {pseudo}", [*GET[:at], *GET[at + 1 :]]
    yield "4.3.1", "an empty path", request(b"")
    yield "4.3.1", "a path that is not one", request(b"a")
    yield "4.3.1", "* for another method than OPTIONS", request(b"*")
    yield "4.3.1", "a host that contradicts the authority", [*GET, (b"host", b"b.test")]
    yield "4.3.1", "an empty authority", [*GET[:3], (b":authority", b"")]
    yield "4.3.1", "an empty host instead of it", [*GET[:3], (b"host", b"")]
    yield "4.3.1", "an authority with user information", [*GET[:3], (b":authority", b"user@a.test")]
    yield "4.3.1", "two hosts", [*GET[:3], (b"host", b"a.test"), (b"host", b"a.test")]
    yield "4.3.1", "a method that is not a token", request(b"/", b"G T")
    yield "4.4", "CONNECT with a path", request(b"/", b"CONNECT")
    yield "4.4", "CONNECT without an authority", [(b":method", b"CONNECT")]
    yield "RFC 9220 3", "extended CONNECT without a path", [*WEBSOCKET[:2], *WEBSOCKET[3:]]
    yield "RFC 9220 3", "extended CONNECT without a scheme", [WEBSOCKET[0], *WEBSOCKET[2:]]
    yield "RFC 9220 3", "a protocol without CONNECT", [*GET, (b":protocol", b"websocket")]
    yield "4.1.2", "a content-length that is none", [*GET, (b"content-length", b"x")]
    yield "4.1.2", "two lengths", [*GET, (b"content-length", b"0"), (b"content-length", b"1")]


def cases() -> Iterator[Case]:
    for section, says, fields in malformed():
        yield breaks(section, says, H3_MESSAGE_ERROR, asks(headers(fields)))
    yield serves("4.2", "te may say trailers", asks(headers([*GET, (b"te", b"trailers")])))
    crumbs = [*GET, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
    yield serves("4.2.1", "cookies may come in crumbs", asks(headers(crumbs)))
    yield serves("4.3.1", "OPTIONS of the server itself", asks(headers(request(b"*", b"OPTIONS"))))
    yield serves("4.3.1", "the host may come as a field", asks(headers([*GET[:3], (b"host", b"a.test")])))
    sized = headers([*POST, (b"content-length", b"3")])
    yield serves("4.1.2", "a body as long as its content-length", asks(sized + data(b"a") + data(b"bc")), body=3)
    yield breaks("4.1.2", "a longer one", H3_MESSAGE_ERROR, asks(sized + data(b"abcd")))
    yield breaks("4.1.2", "a shorter one", H3_MESSAGE_ERROR, asks(sized + data(b"ab")))
    yield breaks("4.1.2", "none at all", H3_MESSAGE_ERROR, asks(sized))
    yield breaks("4.3", "trailers with a pseudo-header field", H3_MESSAGE_ERROR, asks(headers(POST) + headers(GET)))
    hop = headers([(b"connection", b"close")])
    yield breaks("4.2", "trailers about the connection", H3_MESSAGE_ERROR, asks(headers(POST) + hop))
    tunnel = [(b":method", b"CONNECT"), (b":authority", b"a.test:443")]
    refused = Outcome(answers={0: (501, b"Not Implemented")})
    yield Case("4.4", "CONNECT is well-formed, and not served", (asks(headers(tunnel)),), refused)
    unknown = [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"connect-ip")]
    yield Case("RFC 9220 3", "an unknown protocol", (asks(headers(unknown)),), refused)
    too_many = Outcome(answers={0: (431, b"Request Header Fields Too Large")})
    yield Case("4.2.2", "too many fields", (asks(headers([*GET, *[(b"x", b"y")] * 200])),), too_many)
    crowd = headers([(b"x", b"y")] * 200)
    yield breaks("4.2.2", "too many trailers", H3_EXCESSIVE_LOAD, asks(headers(POST) + crowd))
    heavy = headers([(b"x", b"y" * 40000), (b"z", b"y" * 40000)])
    yield breaks("4.2.2", "trailers that are too large", H3_EXCESSIVE_LOAD, asks(headers(POST) + heavy))
    large = headers([*GET, (b"x", b"y" * 40000), (b"z", b"y" * 40000)])
    yield Case("4.2.2", "too large a section is not even taken in", (asks(large),), too_many)
