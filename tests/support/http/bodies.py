"""A chunked body that gets its turns without a loop."""

from esg_core.turns import TurnBudget
from esg_http.h1.body import ChunkedBody


class WholeBody(ChunkedBody):
    """Takes all that it is fed, in as many turns as necessary."""

    def __init__(self, overhead: int) -> None:
        super().__init__(overhead, TurnBudget(lambda renew: renew()))

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        content, rest = super().feed(data)
        while self.is_behind and rest is None:
            more, rest = super().feed(b"")
            content += more
        return content, rest
