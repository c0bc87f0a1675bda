"""The phases of a response, in order: each says which message of the application comes next (ASGI HTTP 2.5)."""

EXPECT_START, HEAD_HELD, IN_BODY, EXPECT_TRAILERS, COMPLETE = range(5)

WANTED = {
    EXPECT_START: "http.response.start",
    HEAD_HELD: "http.response.body",
    IN_BODY: "http.response.body",
    EXPECT_TRAILERS: "http.response.trailers",
    COMPLETE: "no message: the response is complete",
}
"""The message that each phase waits for."""
