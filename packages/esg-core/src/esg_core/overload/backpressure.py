"""Adaptive admission: once per window, measures how busy the event loop was and adjusts the limit (rules A-4 and A-5).

Only one timer per window runs. The figures of the last window are kept for the statistics: how busy the loop was, the
source of that figure, and `lag`, how late the window's end itself was noticed.
"""

import asyncio
import logging

from esg_core.overload.admission import Admission
from esg_core.overload.aimd import Policy, Window
from esg_core.overload.loop_load import LoopMeter


class Backpressure:
    """Adjusts the limit of one `Admission`, every `window` seconds from `start()` to `stop()`.

    While the loop is busier than `elu_max`, no request may wait. `last` is the window that has ended; `lag` is in
    seconds. During an overload, `_before` is the limit before it and how many requests had been refused by then.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        admission: Admission,
        meter: LoopMeter,
        policy: Policy,
        *,
        window: float,
        elu_max: float,
    ) -> None:
        self._loop = loop
        self._admission = admission
        self._meter = meter
        self._policy = policy
        self._seconds = window
        self._elu_max = elu_max
        self._logger = logging.getLogger("esg.error")
        self._timer: asyncio.TimerHandle | None = None
        self._before: tuple[int, int] | None = None
        self.source = meter.source
        self.last = Window(0.0, None, 0, admission.limit)
        self.lag = 0.0

    def start(self) -> None:
        """Begin the first window."""
        self._meter.read()
        self._admission.begin_window(self._admission.limit)
        self._wait()

    def stop(self) -> None:
        """Stop adjusting; the limit stays."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        due = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(due, self._end_window, due)

    def _end_window(self, due: float) -> None:
        admission = self._admission
        self.lag = max(0.0, self._loop.time() - due)
        utilisation, turn = self._meter.read()
        # During the lag the loop was certainly busy, even if the meter does not see it.
        utilisation = max(utilisation, self.lag / (self._seconds + self.lag))
        self.last = Window(utilisation, turn, admission.peak, admission.limit)
        limit = self._policy.on_window(self.last)
        self._tell(limit)
        admission.saturated = utilisation > self._elu_max
        admission.begin_window(limit)
        self._wait()

    def _tell(self, limit: int) -> None:
        """Log the first cut of an overload, and its end."""
        if self._before is None:
            if limit < self.last.limit:
                self._before = (self.last.limit, self._admission.rejected)
                busy = 100 * self.last.utilisation
                self._logger.warning(
                    "overloaded: the event loop is %.0f %% busy; running requests are limited to %d", busy, limit
                )
        elif limit >= self._before[0]:
            refused = self._admission.rejected - self._before[1]
            self._before = None
            self._logger.info("no longer overloaded: the limit is %d again; %d were refused", limit, refused)
