"""What clients have seen: answers by host, what was lost and how, and how long the longest answer took."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """`hosts` counts answers by host and start (`2.1`), `lost` what was lost, by kind."""

    answered: int = 0
    longest: float = 0.0
    """Seconds from the beginning of a request to its answer."""
    hosts: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, host: str, took: float) -> None:
        """Count a right answer."""
        self.answered += 1
        self.hosts[host] += 1
        self.longest = max(self.longest, took)
        self._news.set()

    def loss(self, kind: str) -> None:
        """Count a request without a right answer, or a WebSocket that ended without a word."""
        self.lost[kind] += 1

    async def has_answered(self, host: str, times: int = 3) -> None:
        """Return when the host has given that many answers."""
        while self.hosts[host] < times:
            self._news.clear()
            await self._news.wait()
