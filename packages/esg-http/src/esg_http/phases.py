"""The phases of a response, in order: each says which message of the application comes next (ASGI HTTP 2.5)."""

EXPECT_START, HEAD_HELD, IN_BODY, EXPECT_TRAILERS, COMPLETE = range(5)

__all__ = ["COMPLETE", "EXPECT_START", "EXPECT_TRAILERS", "HEAD_HELD", "IN_BODY"]
