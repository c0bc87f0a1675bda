"""A request for a WebSocket over HTTP/2."""

from tests.support.http2.driven import request

CONNECT = request(b"/chat?room=1", b"CONNECT", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))
