"""The phases of a response, in order, and the message that each expects (ASGI HTTP 2.5)."""

EXPECT_START, HEAD_HELD, IN_BODY, EXPECT_TRAILERS, COMPLETE = range(5)

WANTED = {
    EXPECT_START: "ASGI expects http.response.start now",
    HEAD_HELD: "ASGI expects http.response.body now",
    IN_BODY: "ASGI expects http.response.body now",
    EXPECT_TRAILERS: "ASGI expects http.response.trailers now",
    COMPLETE: "the response is complete; nothing more may be sent",
}
"""Phase -> what the application may send, as the beginning of an error."""
