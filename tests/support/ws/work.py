"""Counts the work that a server does on its input in each turn of its loop: in bytes and frames, not in time."""

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from esg_core.testing import ManualLoop
from esg_ws import masking
from esg_ws.codec_websockets import WebsocketsCodec
from esg_ws.codec_wsproto import WsprotoCodec
from esg_ws.cycle import Cycle
from esg_ws.intake import FrameReader

MOST = {
    "inflated": 1 << 20,
    "compressed": 64 << 10,
    "unmasked": 6 << 20,
    "codec": 100,
    "control": 300,
    "messages": 1500,
}
"""Bytes and frames that one turn may process: about 5 ms for each kind, mostly less, on a current core."""


class Work:
    """What has been done in each turn."""

    def __init__(self) -> None:
        self.turns: list[Counter[str]] = [Counter()]

    def count(self, kind: str, amount: int = 1) -> None:
        self.turns[-1][kind] += amount

    @property
    def most(self) -> dict[str, int]:
        """The most of each kind in one turn."""
        return {kind: max(turn[kind] for turn in self.turns) for kind in MOST}

    @property
    def in_all(self) -> Counter[str]:
        return sum(self.turns, Counter())

    def is_bounded(self) -> bool:
        return all(amount <= MOST[kind] for kind, amount in self.most.items())


_make_inflater = zlib.decompressobj


class _Inflater:
    """Like zlib's, but counting."""

    def __init__(self, work: Work, wbits: int) -> None:
        self._work = work
        self._inflater = _make_inflater(wbits)

    def decompress(self, data: bytes, most: int) -> bytes:
        content = self._inflater.decompress(data, most)
        self._work.count("inflated", len(content))
        self._work.count("compressed", len(data) - len(self._inflater.unconsumed_tail))
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inflater, name)


@contextmanager
def counted(loop: ManualLoop) -> Iterator[Work]:
    """Count what is done in the turns of this loop."""
    work = Work()

    def counting(owner: Any, name: str, kind: str) -> None:
        function = getattr(owner, name)

        def count(*args: Any) -> Any:
            work.count(kind)
            return function(*args)

        patch.setattr(owner, name, count)

    def unmask(data: bytes, mask: bytes) -> bytes:
        work.count("unmasked", len(data))
        return masking.unmask(data, mask)

    def turn() -> None:
        work.turns.append(Counter())
        run_once()

    run_once = loop._run_once  # type: ignore[attr-defined]  # asyncio's name for a turn
    with pytest.MonkeyPatch.context() as patch:
        counting(WebsocketsCodec, "feed", "codec")
        counting(WsprotoCodec, "feed", "codec")
        counting(FrameReader, "_pass_on", "control")
        counting(Cycle, "feed", "messages")
        patch.setattr("esg_ws.intake.unmask", unmask)
        patch.setattr(zlib, "decompressobj", lambda wbits: _Inflater(work, wbits))
        patch.setattr(loop, "_run_once", turn)
        yield work
